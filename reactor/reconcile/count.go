package reconcile

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"strings"

	"millrace/ingestor/bronze"
	"millrace/reactor/event"
)

// Group is the objects of one dataset and ingest date.
type Group struct {
	// Dataset is source/dataset, and Date 2026-01-31; "" where the key does not say.
	Dataset string `json:"dataset"`
	Date    string `json:"ingest_date"`
	Objects int    `json:"objects"`
	Bytes   int64  `json:"bytes"`
}

// Count counts objects by dataset and ingest date. It calls progress for each.
func Count(objects iter.Seq2[event.Object, error], progress func(int)) ([]Group, error) {
	groups := map[[2]string]*Group{}
	for o, err := range objects {
		if err != nil {
			return nil, err
		}
		var dataset, date string
		if k, err := bronze.ParseKey(o.Key); err == nil {
			dataset = k.Source + "/" + k.Dataset
			if !k.IngestDate.IsZero() {
				date = k.IngestDate.String()
			}
		}
		g := groups[[2]string{dataset, date}]
		if g == nil {
			g = &Group{Dataset: dataset, Date: date}
			groups[[2]string{dataset, date}] = g
		}
		g.Objects++
		g.Bytes += o.Size
		progress(1)
	}
	var all []Group
	for g := range maps.Values(groups) {
		all = append(all, *g)
	}
	slices.SortFunc(all, func(a, b Group) int {
		return cmp.Or(strings.Compare(a.Dataset, b.Dataset), strings.Compare(a.Date, b.Date))
	})
	return all, nil
}
