package lake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/apache/iceberg-go/table"
)

// clockTolerance is how far metadata may be ahead of the clock. iceberg-go refuses a commit beyond a minute.
const clockTolerance = 30 * time.Second

// notAfter returns the table with no time later than now. A clock that was ahead and is put right leaves such times. No commit
// would succeed until the clock is there again, which can take years.
func (t *Table) notAfter(now time.Time) (*Table, error) {
	if t.Meta.LastUpdatedMillis() <= now.Add(clockTolerance).UnixMilli() {
		return t, nil
	}
	m, err := noLater(t.Meta, now)
	if err != nil {
		return nil, fmt.Errorf("correct the times of %s: %w", t.Name, err)
	}
	return &Table{Name: t.Name, Location: t.Location, Meta: m, store: t.store}, nil
}

// movedAt returns metadata in which main was moved at a time, where it was moved to a snapshot that was there before: iceberg-go takes
// the time of each such move from the clock.
func movedAt(m table.Metadata, at time.Time) (table.Metadata, error) {
	last := int64(0)
	for entry := range m.SnapshotLogs() {
		last = entry.TimestampMs
	}
	if last <= at.UnixMilli() {
		return m, nil
	}
	return noLater(m, at)
}

// noLater returns metadata in which no time is later than latest.
func noLater(m table.Metadata, latest time.Time) (table.Metadata, error) {
	b, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	var fields map[string]any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber() // an id has more digits than a float
	if err := d.Decode(&fields); err != nil {
		return nil, err
	}
	clamp(fields, "last-updated-ms", latest.UnixMilli())
	for _, list := range []string{"snapshots", "snapshot-log", "metadata-log"} {
		entries, _ := fields[list].([]any)
		for _, e := range entries {
			if entry, ok := e.(map[string]any); ok {
				clamp(entry, "timestamp-ms", latest.UnixMilli())
			}
		}
	}
	if b, err = json.Marshal(fields); err != nil {
		return nil, err
	}
	return table.ParseMetadataBytes(b)
}

// clamp makes a time in ms no later than latest.
func clamp(fields map[string]any, name string, latest int64) {
	if n, ok := fields[name].(json.Number); ok {
		if ms, err := n.Int64(); err == nil && ms > latest {
			fields[name] = latest
		}
	}
}
