package search

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"millrace/ingestor/bronze"
	"millrace/reactor/lake"
	"millrace/reactor/silver/datasets"
)

const (
	// ranked is the table that has every asset of a day, and named the one that has their names.
	ranked, named = "gold.rankings", "silver.asset_snapshots"
	// keptFor is how long the names of assets are good: a new one is found after that time.
	keptFor = time.Minute
	// mostRows bounds what is read for names. A lake that takes a snapshot each minute has more in a month: its assets are found by id.
	mostRows = 1_000_000
	// readFor bounds the reading. It goes on when the person types the next letter, because that one needs it, too.
	readFor = 30 * time.Second
)

// asset is what an asset is called.
type asset struct{ id, symbol, name string }

// assets are those of the newest month. They are read when somebody looks for something, and kept.
type assets struct {
	lake *lake.Lake

	mu   sync.Mutex
	all  []asset
	from [2]int64 // the snapshots that they were read from
	at   time.Time
}

// of returns the assets, by id.
func (a *assets) of(ctx context.Context, view *lake.View) ([]asset, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	from := [2]int64{idOf(view.Tables[ranked]), idOf(view.Tables[named])}
	if from == a.from && !a.at.IsZero() || time.Since(a.at) < keptFor {
		return a.all, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readFor)
	defer cancel()
	found := map[string]asset{}
	err := errors.Join(
		a.read(ctx, view.Tables[ranked], []string{"asset_id"}, func(row []string) { found[row[0]] = asset{id: row[0]} }),
		// Rows of one asset come in the order of their time or not: any of its names will do.
		a.read(ctx, view.Tables[named], []string{"asset_id", "symbol", "name"}, func(row []string) {
			if _, is := found[row[0]]; is {
				found[row[0]] = asset{id: row[0], symbol: row[1], name: row[2]}
			}
		}),
	)
	if err != nil {
		return nil, err
	}
	a.all = slices.SortedFunc(maps.Values(found), func(a, b asset) int { return cmp.Compare(a.id, b.id) })
	a.from, a.at = from, time.Now()
	return a.all, nil
}

func idOf(t *lake.Table) int64 {
	if t == nil {
		return 0
	}
	return t.SnapshotID()
}

// read gives columns of text of the rows of a table's newest month.
func (a *assets) read(ctx context.Context, t *lake.Table, columns []string, take func([]string)) error {
	if t == nil {
		return nil
	}
	all, err := a.lake.Files(ctx, t, t.Snapshot(), lake.AllMonths)
	if err != nil {
		return err
	}
	files := newest(all)
	if len(files) == 0 {
		return nil
	}
	_, batches, err := a.lake.Read(ctx, t, files...)
	if err != nil {
		return err
	}
	for b, err := range batches {
		if err != nil {
			return err
		}
		each(b, columns, take)
		b.Release()
	}
	return nil
}

// each gives columns of text of a batch, row by row. A column that the table lost is empty.
func each(b arrow.RecordBatch, columns []string, take func([]string)) {
	texts := make([]*array.String, len(columns))
	for i, name := range columns {
		if at := b.Schema().FieldIndices(name); len(at) == 1 {
			texts[i], _ = b.Column(at[0]).(*array.String)
		}
	}
	for i := range int(b.NumRows()) {
		row := make([]string, len(columns))
		for j, text := range texts {
			if text != nil && text.IsValid(i) {
				row[j] = string([]byte(text.Value(i))) // the batch's memory goes with it
			}
		}
		take(row)
	}
}

// newest are the files of the last month, unless they hold too many rows.
func newest(files []lake.File) []lake.File {
	var last []lake.File
	month, rows := 0, int64(0)
	for _, f := range files {
		switch m, ok := f.Months(); {
		case !ok:
			continue
		case len(last) == 0 || m.Hi > month:
			last, month, rows = []lake.File{f}, m.Hi, f.Rows()
		case m.Hi == month:
			last, rows = append(last, f), rows+f.Rows()
		}
	}
	if rows > mostRows {
		return nil
	}
	return last
}

// newestDays are the ingest dates of the objects that were put last, by dataset.
func (p *Pages) newestDays(ctx context.Context) (map[string]bronze.Day, error) {
	newest := map[string]bronze.Day{}
	for _, d := range datasets.All() {
		last, err := p.lake.Latest(ctx, d.Table, time.Time{}, 1)
		if err != nil {
			return nil, err
		}
		if len(last) == 0 {
			continue
		}
		if key, err := bronze.ParseKey(last[0].SourceKey); err == nil {
			newest[d.Name] = key.IngestDate
		}
	}
	return newest, nil
}
