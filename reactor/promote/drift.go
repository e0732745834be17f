package promote

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/iceberg-go"

	"millrace/reactor/drift"
	"millrace/reactor/duck"
	"millrace/reactor/event"
	"millrace/reactor/lake"
)

const (
	// driftProperty of a silver table has, as JSON, how the newest objects of its dataset differ from those before. Empty when they
	// do not.
	driftProperty = "millrace.drift"
	// driftMonths of the table's newest rows tell a new process what the last objects looked like.
	driftMonths = 2
	// driftObjects of each kind are read from them; the watch remembers no more.
	driftObjects = 64
)

// DriftOf returns how the newest objects of a silver table's dataset differ from those before.
func DriftOf(t *lake.Table) []drift.Finding { return drift.Parse(t.Meta.Properties()[driftProperty]) }

// observe compares the live objects of a batch with those before them. A replay brings what was there already, in any order, and
// says nothing of the source. The promoter of a replay onto a branch sees no other objects, so it leaves alone what the table says: it
// would take away what stands.
func (w *silverWork) observe(batch []event.Delivery, own *lake.Table) {
	var objects []drift.Object
	for i, d := range batch {
		if d.Run == "" && w.errs[i] == nil {
			objects = append(objects, drift.Object{Key: d.Object.Key, Version: d.Object.Version, Shape: w.in.Shapes[i]})
		}
	}
	w.watch, w.news = w.Silver.watch.Look(objects)
	if len(objects) > 0 {
		w.noteDrift(own)
	}
}

// forgetGone takes deleted versions out of the watch, and what stood because of them out of the table.
func (w *silverWork) forgetGone(gone []event.Object, own *lake.Table) {
	versions := map[[2]string]bool{}
	for _, o := range gone {
		versions[[2]string{o.Key, o.Version}] = true
	}
	before := drift.Text(w.Silver.watch.Stands())
	w.watch, w.news = w.Silver.watch.Forget(func(key, version string) bool { return versions[[2]string{key, version}] })
	if drift.Text(w.watch.Stands()) != before {
		w.noteDrift(own)
	}
}

// noteDrift puts what stands into the commit, as a property of the dataset's table. Mostly nothing does, before or now.
func (w *silverWork) noteDrift(own *lake.Table) {
	text := drift.Text(w.watch.Stands())
	if own.Meta.Properties()[driftProperty] == text {
		return
	}
	set := iceberg.Properties{driftProperty: text}
	i := slices.IndexFunc(w.changes, func(c lake.Change) bool { return c.Base.Name == own.Name })
	if i < 0 {
		w.changes = append(w.changes, lake.Change{Base: own, Properties: set})
		return
	}
	if w.changes[i].Properties == nil {
		w.changes[i].Properties = iceberg.Properties{}
	}
	maps.Copy(w.changes[i].Properties, set)
}

// tellDrift remembers the objects of a batch, now committed, and tells what is new about them.
func (w *silverWork) tellDrift() {
	s := w.Silver
	s.watch = w.watch
	for _, f := range w.news.Found {
		s.cfg.Log.Warn("objects of a dataset differ from those before; their rows are in silver as they came", "dataset", s.dataset.Name, "what", f.String(), "key", f.Key, "version", f.Version)
	}
	for _, f := range w.news.Over {
		s.cfg.Log.Info("objects of a dataset do not differ any more", "dataset", s.dataset.Name, "what", f.String())
	}
	for _, key := range slices.Sorted(maps.Keys(w.news.Unknown)) {
		names := w.news.Unknown[key]
		s.cfg.Log.Info("an object has fields that no column knows; they are in extra", "dataset", s.dataset.Name, "fields", strings.Join(names[:min(len(names), 20)], ", "), "n", len(names), "key", key)
	}
	s.cfg.Metrics.drift(s.rows.table, s.watch, w.news)
}

// recallDrift makes the watch of a new process: what stood, the table says; what the last objects looked like, its rows.
func (s *Silver) recallDrift(ctx context.Context) error {
	view, err := s.cfg.Lake.View(ctx)
	if err != nil {
		return err
	}
	t, err := view.Table(s.rows.table)
	if err != nil {
		return err
	}
	before, err := s.lastObjects(ctx, t)
	if err != nil {
		return fmt.Errorf("look at the last objects of %s: %w", s.dataset.Name, err)
	}
	s.watch = drift.New(s.dataset, before, DriftOf(t))
	s.cfg.Metrics.drift(s.rows.table, s.watch, drift.News{})
	return nil
}

// lastObjects are the shapes of the last objects, the oldest first, as far as the table's newest rows tell.
func (s *Silver) lastObjects(ctx context.Context, t *lake.Table) ([]drift.Object, error) {
	files, err := s.cfg.Lake.Files(ctx, t, t.Snapshot(), lake.AllMonths)
	if err != nil {
		return nil, err
	}
	newest := 0
	for _, f := range files {
		if m, ok := f.Months(); ok {
			newest = max(newest, m.Hi)
		}
	}
	files = slices.DeleteFunc(slices.Clone(files), func(f lake.File) bool {
		m, ok := f.Months()
		return !ok || m.Hi <= newest-driftMonths
	})
	if len(files) == 0 {
		return nil, nil
	}
	held, err := s.rows.cache.Hold(ctx, s.rows.conn, t, files)
	if err != nil {
		return nil, err
	}
	defer held.Release()
	rows, err := s.rows.conn.Query(ctx, s.lastObjectsSQL(t, held.Relation))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var objects []drift.Object
	for rows.Next() {
		b := rows.RecordBatch()
		text := func(column, row int) string { return strings.Clone(b.Column(column).(*array.String).Value(row)) }
		counts := b.Column(5).(*array.List)
		for i := range int(b.NumRows()) {
			from, to := counts.ValueOffsets(i)
			values := counts.ListValues().(*array.Int64).Int64Values()[from:to]
			objects = append(objects, drift.Object{Key: text(0, i), Version: text(1, i), Shape: s.dataset.ShapeOf(text(2, i), b.Column(3).(*array.Int64).Value(i), values, text(4, i))})
		}
	}
	return objects, rows.Err()
}

// lastObjectsSQL gives, for each of the last objects: key, version, kind, rows, one of its extras, and how many rows have a value in
// each column.
func (s *Silver) lastObjectsSQL(t *lake.Table, relation string) string {
	kind := "''"
	var counts []string
	for i, name := range s.dataset.Columns() {
		column := duck.Identifiers("", []string{name})
		if i == s.dataset.KindColumn() {
			kind = column
		}
		if _, there := t.Column(name); !there {
			column = "null"
		}
		counts = append(counts, "count("+column+")")
	}
	return fmt.Sprintf(`select source_key, source_version, of_kind, n, extra, counts from (
	select source_key, source_version, %s as of_kind, max(source_modified_at) as put, count(*) as n, coalesce(max(extra), '') as extra, [%s] as counts
	from (%s) group by all
) qualify row_number() over (partition by of_kind order by put desc, source_key desc, source_version desc) <= %d
order by put, source_key, source_version`, kind, strings.Join(counts, ", "), relation, driftObjects)
}
