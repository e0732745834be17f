// Package gauge reads, whenever Prometheus asks, how things stand: how far consumers are behind, what is in the tables and
// the streams, how much room is left, which part is ready. What happens is counted where it happens, not here.
package gauge

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/apache/iceberg-go/table"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"

	"millrace/infra/streams"
	"millrace/reactor/health"
	"millrace/reactor/lake"
	"millrace/reactor/silver"
	"millrace/reactor/stream"
)

// within bounds a scrape; Prometheus gives up after ten seconds.
const within = 5 * time.Second

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("millrace_"+name, help, labels, nil)
}

var (
	partReady      = desc("part_ready", "1 when a part that the reactor needs answers, else 0; /readyz says why.", "part")
	waiting        = desc("consumer_waiting_events", "Events in the stream that were not delivered yet.", "table")
	working        = desc("consumer_unsettled_events", "Events delivered and neither acknowledged nor given up yet.", "table")
	oldest         = desc("oldest_unprocessed_seconds", "Age of the oldest event that is not settled, since it came into the stream; 0 when there is none.", "table")
	streamMessages = desc("stream_messages", "Messages in a stream.", "stream")
	streamBytes    = desc("stream_bytes", "Bytes of a stream.", "stream")
	streamLimit    = desc("stream_limit_bytes", "Bytes at which a stream drops its oldest messages.", "stream")
	deadLetters    = desc("dead_letters", "Dead letters now, by the consumer that gave them up.", "table")
	snapshots      = desc("table_snapshots", "Snapshots that a table keeps.", "table")
	files          = desc("table_files", "Data files of a table's current snapshot.", "table")
	bytes          = desc("table_bytes", "Bytes of a table's current snapshot.", "table")
	rows           = desc("table_rows", "Rows of a table's current snapshot.", "table")
	committed      = desc("table_last_commit_timestamp_seconds", "When a table's current snapshot was made.", "table")
	behind         = desc("gold_behind_seconds", "Age of the oldest snapshot of a silver table that gold does not cover; 0 when it covers all.", "table")
	diskFree       = desc("disk_free_bytes", "Room left on the disk of the home folder.")
	diskSize       = desc("disk_size_bytes", "Size of the disk of the home folder.")
	failed         = desc("scrape_failed", "1 when a group of gauges could not be read, else 0.", "group")
)

// Collector is a prometheus.Collector.
type Collector struct {
	JS    jetstream.JetStream
	Lake  *lake.Lake
	Home  string // folder whose disk is watched
	Parts func(context.Context) []health.Part
	Log   *slog.Logger
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		partReady, waiting, working, oldest, streamMessages, streamBytes, streamLimit, deadLetters, snapshots, files, bytes, rows, committed, behind,
		diskFree, diskSize, failed,
	} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	set := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	for _, p := range c.Parts(ctx) {
		set(partReady, number(p.Err == nil), p.Name)
	}
	for group, read := range map[string]func(context.Context, setter) error{"streams": c.streams, "tables": c.tables, "disk": c.disk} {
		err := read(ctx, set)
		set(failed, number(err != nil), group)
		if err != nil {
			c.Log.Warn("gauges were not read", "group", group, "error", err)
		}
	}
}

type setter func(d *prometheus.Desc, value float64, labels ...string)

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// tableOf returns the name of the table that a consumer works on.
func tableOf(consumer string) string {
	if table, ok := stream.CutSilver(consumer); ok {
		return silver.TableName(table)
	}
	return consumer
}

func (c *Collector) streams(ctx context.Context, set setter) error {
	lags, err := stream.Lags(ctx, c.JS)
	if err != nil {
		return err
	}
	for _, l := range lags {
		name, age := tableOf(l.Consumer), 0.0
		if !l.Oldest.IsZero() {
			age = max(0, time.Since(l.Oldest).Seconds())
		}
		set(waiting, float64(l.Waiting), name)
		set(working, float64(l.Working), name)
		set(oldest, age, name)
	}
	stores, err := stream.Stores(ctx, c.JS)
	if err != nil {
		return err
	}
	for _, s := range stores {
		set(streamMessages, float64(s.Messages), s.Stream)
		set(streamBytes, float64(s.Bytes), s.Stream)
		set(streamLimit, float64(s.Most), s.Stream)
		if s.Stream != streams.DeadLetters {
			continue
		}
		for _, l := range lags { // 0 for those without
			set(deadLetters, float64(s.Buried[l.Consumer]), tableOf(l.Consumer))
			delete(s.Buried, l.Consumer)
		}
		for consumer, n := range s.Buried {
			set(deadLetters, float64(n), tableOf(consumer))
		}
	}
	return nil
}

func (c *Collector) tables(ctx context.Context, set setter) error {
	v, err := c.Lake.OwnView(ctx)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(v.Tables)) {
		t := v.Tables[name]
		set(snapshots, float64(len(t.Meta.Snapshots())), name)
		s := t.Snapshot()
		set(files, total(s, lake.TotalFiles), name)
		set(bytes, total(s, lake.TotalBytes), name)
		if n, err := c.Lake.Rows(ctx, t, s); err == nil { // else files of it are gone, and its other figures matter the more
			set(rows, float64(n), name)
		}
		if s != nil {
			set(committed, float64(s.TimestampMs)/1000, name)
		}
	}
	for name, pin := range v.Pins.Tables {
		if t := v.Tables[name]; t != nil {
			set(behind, uncovered(t, pin, time.Now()), name)
		}
	}
	return nil
}

// uncovered returns the age in seconds of the first snapshot after a pin, 0 when there is none.
func uncovered(t *lake.Table, pin lake.Pin, now time.Time) float64 {
	if t.SnapshotID() == pin.SnapshotID {
		return 0
	}
	first := now
	for _, s := range t.Meta.Snapshots() {
		if at := time.UnixMilli(s.TimestampMs); s.SequenceNumber > pin.Sequence && at.Before(first) {
			first = at
		}
	}
	return now.Sub(first).Seconds()
}

// total is a number of a snapshot's summary, 0 where there is none.
func total(s *table.Snapshot, name string) float64 {
	n, _ := lake.Total(s, name).(int64)
	return float64(n)
}

func (c *Collector) disk(_ context.Context, set setter) error {
	var s unix.Statfs_t
	if err := unix.Statfs(c.Home, &s); err != nil {
		return err
	}
	set(diskFree, float64(s.Bavail)*float64(s.Bsize))
	set(diskSize, float64(s.Blocks)*float64(s.Bsize))
	return nil
}
