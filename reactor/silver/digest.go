package silver

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Digest names what the rows of a dataset depend on beside its objects. Two definitions of one digest make the same rows, and refuse
// the same ones for the same reasons. Comments, former names of columns and the partition are not part of it.
func (d *Dataset) Digest() string {
	said := map[string]any{
		"key": slices.Sorted(slices.Values(d.Key)), "at": d.At, "positions": d.Positions, "lone": d.Lone, "forget": d.Forget,
		"example": d.Example, "fields": meanings(d.columns),
	}
	if d.Winner != (Winner{}) {
		said["winner"] = d.Winner.String()
	}
	if d.NamePattern != nil {
		said["name_pattern"] = d.NamePattern.String()
	}
	text, err := json.Marshal(pruned(said)) // the keys of a map are sorted
	if err != nil {
		panic(fmt.Sprintf("silver: write dataset %s: %v", d.Name, err)) // texts, numbers and booleans
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// meanings says of each field what its values depend on. It names only what a field has, so that a later release may have attributes
// that this one does not know, and each digest stays.
func meanings(fields []Field) []any {
	var all []any
	for i := range fields {
		f := &fields[i]
		m := map[string]any{
			"column": f.Column, "from": f.From, "type": f.TypeText(), "required": f.Required, "non_negative": f.NonNegative, "below": f.Below,
			"max_bytes": f.MaxBytes, "allowed": f.Allowed, "default": f.Default, "names": f.Names, "also": f.Also, "earliest_is": f.EarliestIs,
			"envelope": f.Envelope, "metadata": f.Metadata, "list_name": f.ListName, "ingest_date": f.IngestDate, "missing": f.Missing,
		}
		if f.Least != nil {
			m["least"] = f.Least.Text
		}
		if f.Most != nil {
			m["most"] = f.Most.Text
		}
		if !f.Earliest.IsZero() {
			m["earliest"] = f.Earliest.UTC().Format(time.RFC3339Nano)
		}
		all = append(all, pruned(m))
	}
	return all
}

// pruned drops what says nothing.
func pruned(m map[string]any) map[string]any {
	for k, v := range m {
		switch v := v.(type) {
		case string:
			if v == "" {
				delete(m, k)
			}
		case bool:
			if !v {
				delete(m, k)
			}
		case int:
			if v == 0 {
				delete(m, k)
			}
		case []string:
			if len(v) == 0 {
				delete(m, k)
			}
		}
	}
	return m
}
