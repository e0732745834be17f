// Package lineage finds out where a row comes from: the models and the rows of each table that it may be made of, back to the
// objects in bronze, what their requests were, and which commit and run brought them.
package lineage

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"millrace/reactor/namespace"

	"github.com/apache/iceberg-go/table"

	"millrace/infra/bucket"
	"millrace/ingestor/bronze"
	"millrace/reactor/duck"
	"millrace/reactor/gold"
	"millrace/reactor/gold/plan"
	"millrace/reactor/lake"
	"millrace/reactor/progress"
	"millrace/reactor/query"
	"millrace/reactor/tables"
)

// Tracer traces rows of a lake.
type Tracer struct {
	Lake   *lake.Lake
	Bucket bucket.Bucket
	// Models reads gold's models; it is called for rows of gold alone.
	Models func(context.Context) (*gold.Set, error)
	Show   progress.Show
}

// ErrNoRow says that a table has no row with the key that was asked for.
var ErrNoRow = errors.New("there is no such row")

// KeyError says that the values given for a row's key cannot be such.
type KeyError struct{ error }

func (e KeyError) Unwrap() error { return e.error }

func keyErrorf(format string, args ...any) error { return KeyError{fmt.Errorf(format, args...)} }

// memory that a trace may use; beyond it rows spill to disk.
const memory = "256MiB"

// Trace returns the lineage of the row of a table with the values of its key, in the order of the model's grain or the
// dataset's key: the row first, then what it is made of, depth first.
func (t Tracer) Trace(ctx context.Context, name string, values []string) ([]Node, error) {
	view, err := t.Lake.View(ctx)
	if err != nil {
		return nil, err
	}
	of, err := view.Table(name)
	if err != nil {
		return nil, err
	}
	key := tables.KeyOf(of)
	if len(key) == 0 {
		return nil, fmt.Errorf("%s has no key to tell its rows apart: it is neither a dataset's nor a model's", of.Name)
	}
	if len(values) != len(key) {
		return nil, keyErrorf("a row of %s is told apart by %s: give a value for each", of.Name, strings.Join(key, ", "))
	}
	var nodes []Node
	err = duck.Temporary(memory, func(db *duck.DB) error {
		conn, err := db.Connect()
		if err != nil {
			return err
		}
		defer conn.Close()
		w := walk{Tracer: t, reader: &reader{lake: t.Lake, conn: conn, key: map[string]string{}}, view: view, db: db}
		nodes, err = w.from(ctx, of, key, values)
		return err
	})
	return nodes, err
}

// walk is one trace under way.
type walk struct {
	Tracer
	*reader
	view *lake.View
	db   *duck.DB  // of the reader's connection
	set  *gold.Set // nil for a row of silver
}

// from walks from the row on.
func (w walk) from(ctx context.Context, t *lake.Table, key, values []string) ([]Node, error) {
	byColumn := map[string]string{}
	for i, column := range key {
		byColumn[column] = values[i]
	}
	row, err := w.row(ctx, t, key, byColumn)
	if err != nil {
		return nil, err
	}
	if namespace.Silver.Has(t.Name) {
		objects, err := w.objects(ctx, t, 1)
		return append([]Node{row}, objects...), err
	}
	if w.set, err = w.Models(ctx); err != nil {
		return nil, err
	}
	if _, known := w.set.Model(t.Name); !known {
		return nil, fmt.Errorf("trace %s: its model is not known here: name its folder with --models or MILLRACE_MODELS, as the reactor has it", t.Name)
	}
	day, err := plan.ParseDay(byColumn[gold.Day])
	if err != nil {
		return nil, keyErrorf("the day %q: write 2026-01-31", byColumn[gold.Day])
	}
	w.key = byColumn
	delete(w.key, gold.Day)
	nodes := []Node{row}
	for _, win := range windows(w.set, t.Name, day) {
		more, err := w.window(ctx, win)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, more...)
	}
	return nodes, nil
}

// row is the node of the row itself; the row stays in the table found.
func (w walk) row(ctx context.Context, t *lake.Table, key []string, values map[string]string) (Node, error) {
	var where, texts []string
	for _, column := range key {
		where = append(where, fmt.Sprintf("%s = %s", duck.Identifier(column), duck.Quote(values[column])))
		texts = append(texts, values[column])
	}
	row := Node{Kind: Row, Table: t.Name, Name: t.Name + " " + strings.Join(texts, " ")}
	files, err := w.rowFiles(ctx, t, t.Snapshot(), lake.AllMonths, values)
	if err != nil {
		return row, err
	}
	for _, f := range files {
		if err := w.gather(ctx, t, []lake.File{f}, strings.Join(where, " and ")); err != nil {
			var sql *duck.Error
			if errors.As(err, &sql) && strings.HasPrefix(sql.Message, "Conversion Error") {
				return row, keyErrorf("look for %s: %w", row.Name, err)
			}
			return row, err
		}
		if row.Values, err = w.first(ctx); err != nil {
			return row, err
		}
		if len(row.Values) == 0 {
			continue
		}
		row.Commit, err = w.writer(ctx, t, f)
		return row, err
	}
	return row, fmt.Errorf("%w: %s %s", ErrNoRow, t.Name, strings.Join(texts, " "))
}

// first returns the values of the first row in the table found, none when it is empty.
func (w walk) first(ctx context.Context) (map[string]any, error) {
	rows, err := w.conn.Query(ctx, "from found limit 1")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := map[string]any{}
	for line, err := range query.Cells(rows) {
		if err != nil {
			return nil, err
		}
		for i, v := range line {
			found[rows.Schema().Field(i).Name] = v
		}
	}
	return found, nil
}

// writer is the commit that wrote a file.
func (w walk) writer(ctx context.Context, t *lake.Table, f lake.File) (*Commit, error) {
	s, exact, err := w.lake.WrittenBy(ctx, t, f)
	if err != nil {
		return nil, err
	}
	c := commitOf(s)
	c.MadeBy = lake.MadeBy(s)
	if !exact {
		c.MadeBy = "this snapshot, or one before it that has expired"
	}
	c.Run = lake.RunOf(s)
	return c, nil
}

func commitOf(s *table.Snapshot) *Commit {
	if s == nil {
		return nil
	}
	return &Commit{SnapshotID: s.SnapshotID, At: time.UnixMilli(s.TimestampMs)}
}

// window returns the nodes of what a row may be made of in one table: its model for gold, its objects for silver.
func (w walk) window(ctx context.Context, win window) ([]Node, error) {
	t, err := w.view.Table(win.table)
	if err != nil {
		return nil, err
	}
	s := t.Snapshot()
	if pin, ok := w.view.Pins.Tables[t.Name]; ok { // gold is made of silver as it is pinned, which may be ahead by now
		if s, err = t.SnapshotByID(pin.SnapshotID); err != nil {
			return nil, err
		}
	}
	files, err := w.rowFiles(ctx, t, s, lake.Months{Lo: win.days.From.Month(), Hi: win.days.To.Month()}, nil)
	if err != nil {
		return nil, err
	}
	if err := w.gather(ctx, t, files, plan.Of(win.days).SQL(dayOf(t))); err != nil {
		return nil, err
	}
	own, others, err := w.counted(ctx, t)
	if err != nil {
		return nil, err
	}
	rows := Node{Depth: win.depth + 1, Kind: Rows, Table: t.Name, Name: t.Name, Rows: &own, Others: &others, Days: &win.days, Commit: commitOf(s)}
	m, isModel := w.set.Model(win.table)
	if !isModel {
		objects, err := w.objects(ctx, t, win.depth+2)
		return append([]Node{rows}, objects...), err
	}
	reads := plan.Range{From: win.days.From - plan.Day(m.Lookback), To: win.days.To}
	model := Node{Depth: win.depth + 1, Kind: Model, Table: m.Name, Name: m.Name, Model: &ModelFile{m.File, m.Digest}, Days: &reads}
	if win.depth == 0 {
		return []Node{model}, nil // the row itself is there already
	}
	return []Node{rows, model}, nil
}

// objects returns the nodes of the object versions that gave the rows in the table found.
func (w walk) objects(ctx context.Context, t *lake.Table, depth int) ([]Node, error) {
	at := gold.SilverTime
	if _, ok := t.Column(at); !ok {
		at = "source_modified_at"
	}
	sources, err := w.sources(ctx, t, at)
	if err != nil {
		return nil, err
	}
	bar := w.Show(len(sources), "looking at objects")
	defer bar.Done()
	var nodes []Node
	left := int64(comparedBytes)
	for _, s := range sources {
		n := int64(len(s.rows))
		o := Node{Depth: depth, Kind: Object, Table: t.Name, Name: s.key, Rows: &n, Observed: &Observed{s.from, s.to},
			Source: &SourceObject{Key: s.key, Version: s.version, Rows: s.rows, ModifiedAt: s.modifiedAt}}
		if err := w.ledger(ctx, &o); err != nil {
			return nil, err
		}
		if err := w.request(ctx, o.Source); err != nil {
			return nil, err
		}
		if o.Source.Altered, err = w.altered(ctx, t, s, &left); err != nil {
			return nil, err
		}
		nodes = append(nodes, o)
		bar.Add(1)
	}
	return nodes, nil
}

// ledger fills in what the ledger knows of an object.
func (w walk) ledger(ctx context.Context, o *Node) error {
	entries, err := w.lake.EntriesOf(ctx, o.Source.Key)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.SourceVersion == o.Source.Version && e.ModifiedAt.Equal(o.Source.ModifiedAt) {
			o.Source.Event, o.Source.Outcome = e.EventID, e.Outcome
			o.Commit = &Commit{SnapshotID: e.SnapshotID, At: e.At, Run: e.Run}
		}
	}
	return nil
}

// request fills in what an object's metadata says of the request that brought it.
func (w walk) request(ctx context.Context, o *SourceObject) error {
	at, options := bronze.Bytes(o.Key, o.Version)
	info, err := w.Bucket.Client.StatObject(ctx, w.Bucket.Name, at, options)
	if bucket.Gone(err) {
		o.Gone = true
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at %s: %w", o.Key, err)
	}
	for k, v := range info.UserMetadata {
		switch strings.ToLower(k) {
		case bronze.MetaRequestURL:
			o.RequestURL = v
		case bronze.MetaFetchedAt:
			o.FetchedAt = v
		}
	}
	return nil
}
