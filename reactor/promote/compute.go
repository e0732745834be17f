package promote

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"millrace/reactor/namespace"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"millrace/infra/tracing"
	"millrace/reactor/duck"
	"millrace/reactor/gold"
	"millrace/reactor/gold/plan"
	"millrace/reactor/lake"
	"millrace/reactor/rows"
)

// work holds what a step has read and made, from computing to the end of its commit.
type work struct {
	*Gold
	set     *gold.Set // the models to compute, without those that are held
	view    *lake.View
	plan    plan.Plan
	rebuild map[string]bool
	days    int // that silver has
	summary iceberg.Properties
	old     map[string]*rows.Held // by relation: the rows that computing and writing read

	auditing sync.Mutex    // one audit at a time: they share a connection
	sorting  chan struct{} // see inTurn
	audits   []lake.Audit  // what they found, once the commit's work has ended
	mu       sync.Mutex
	changed  map[string]plan.Days  // by model: the days whose rows the commit writes
	written  map[string]rows.Query // by model: the query for the rows that the commit writes
}

// compute runs the models. As soon as a model has its rows, compute stages its change and audits it. The caller calls release
// when the commit has ended, even after an error.
func (w *work) compute(ctx context.Context, commit *lake.Pending) error {
	ctx, end := tracing.Span(ctx, "compute")
	defer end()
	for _, name := range relations(w.set) {
		h, err := w.relation(ctx, w.view, name, w.plan.Read[name])
		if err != nil {
			return err
		}
		w.old[name] = h
	}
	over := make(chan struct{})
	defer close(over)
	w.set.Calm = func(ctx context.Context) error {
		select {
		case <-over:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	computing, computed := tracing.Span(ctx, "models")
	err := w.set.Compute(computing, w.conn, w.plan, func(m *gold.Model) {
		commit.Stage(func() (lake.Change, bool, error) { return w.modelChange(ctx, m) })
		commit.Require(func() error { return w.audit(ctx, m) })
	})
	computed()
	if err == nil {
		err = w.verify(ctx)
	}
	if err != nil {
		return err
	}
	for _, m := range w.set.Models {
		if w.rebuild[m.Name] && w.plan.Write[m.Name].Empty() { // without input the empty table is up to date
			commit.Stage(func() (lake.Change, bool, error) { return w.tableChange(ctx, m, plan.Days{}) })
		}
	}
	return nil
}

// audit runs the audits of a model's rows while the next model is computed and files are written.
func (w *work) audit(ctx context.Context, m *gold.Model) error {
	w.auditing.Lock()
	defer w.auditing.Unlock()
	findings, err := w.set.VerifyModel(ctx, w.auditor, w.plan, m)
	if findings != nil {
		w.audits = append(w.audits, auditOf(m, w.plan.Write[m.Name], findings))
	}
	return err
}

// modelChange compares a model's new rows with its table's and returns the change.
func (w *work) modelChange(ctx context.Context, m *gold.Model) (lake.Change, bool, error) {
	days, err := w.set.Changed(ctx, w.writers[m.Name], w.plan, m)
	if err != nil {
		return lake.Change{}, false, err
	}
	w.mu.Lock()
	w.changed[m.Name] = days
	w.mu.Unlock()
	return w.tableChange(ctx, m, days)
}

func (w *work) release() {
	for _, h := range w.old {
		h.Release()
	}
}

// relations lists the tables that computing reads: silver's, and gold's as they were before the step.
func relations(set *gold.Set) []string {
	var names []string
	for _, in := range set.Inputs {
		names = append(names, in.Name)
	}
	for _, m := range set.Models {
		names = append(names, m.Name)
	}
	return names
}

// relation makes a view of some days of a table, which the models read: silver.<table>, or old_gold.<table>.
func (g *Gold) relation(ctx context.Context, at *lake.View, name string, read plan.Days) (*rows.Held, error) {
	ctx, end := tracing.Span(ctx, "read "+name)
	defer end()
	t, err := at.Table(name)
	if err != nil {
		return nil, err
	}
	column, as, condition := gold.Day, "old_"+name, read.SQL(gold.Day)
	if namespace.Silver.Has(name) {
		column, as, condition = gold.SilverTime, name, gold.SpanSQL(gold.SilverTime)+" and "+read.SQL(gold.SilverDay)
	}
	files, err := g.filesOf(ctx, t, column, read)
	if err != nil {
		return nil, err
	}
	selected := "* exclude (" + rows.FileColumn + ")"
	rest := ""
	if m, ok := g.set.Model(name); ok {
		selected = duck.Identifiers("", m.ColumnNames()) // without columns that another engine added
		if fitOf(t.Meta, m).anew {
			// The table's rows lack a column of the model and cannot be compared, so every day counts as changed.
			files, rest = nil, "create or replace view "+as+" as "+m.EmptyRows()
		}
	}
	h, err := g.rowsOf(ctx, t, files)
	if err != nil {
		return nil, err
	}
	view := fmt.Sprintf("create or replace view %s as select %s from (%s) where %s", as, selected, h.Relation, condition)
	if rest != "" {
		view = rest
	}
	if err := g.conn.Exec(ctx, view); err != nil {
		h.Release()
		return nil, err
	}
	return h, nil
}

// rowsOf holds rows of a table: of a table of silver, if they are many, in the columns that models read.
func (g *Gold) rowsOf(ctx context.Context, t *lake.Table, files []lake.File) (*rows.Held, error) {
	if columns := g.set.Uses[t.Name]; len(columns) > 0 {
		return g.cfg.Cache.HoldColumns(ctx, g.conn, t, columns, files)
	}
	return g.cfg.Cache.Hold(ctx, g.conn, t, files)
}

// filesOf returns the live files that may hold rows of some days.
func (g *Gold) filesOf(ctx context.Context, t *lake.Table, column string, some plan.Days) ([]lake.File, error) {
	hull, ok := some.Hull()
	if !ok {
		return nil, nil
	}
	files, err := g.cfg.Lake.Files(ctx, t, t.Snapshot(), lake.Months{Lo: hull.From.Month(), Hi: hull.To.Month()})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(files, func(f lake.File) bool {
		return some.Intersect(plan.Of(days(t, f, column))).Empty()
	}), nil
}

// tableChange returns the change that writes the changed days of a gold table. It replaces the files that hold such days and
// carries over their other rows. Days that no file holds are appended.
func (w *work) tableChange(ctx context.Context, m *gold.Model, changed plan.Days) (lake.Change, bool, error) {
	t, old := w.view.Tables[m.Name], w.old[m.Name]
	c := lake.Change{Base: t, Summary: w.summary}
	lies := fitOf(t.Meta, m)
	if w.rebuild[m.Name] {
		c.Properties = iceberg.Properties{digestProperty: m.Digest, columnsProperty: strings.Join(m.ColumnNames(), ",")}
		if !m.Ours {
			c.Properties[verifiedProperty] = verification{m.Digest, w.days}.String()
			if w.mending.unverifiable(m.Name) {
				c.Properties[verifiedProperty] = ""
			}
		}
		if t.Meta.Properties()[failedProperty] != "" {
			c.Properties[failedProperty] = ""
		}
		c.Evolve = lies.evolve
	}
	if changed.Empty() && !lies.anew {
		return c, w.rebuild[m.Name], nil
	}
	wanted := t.Meta.CurrentSchema()
	if c.Evolve = lies.evolve; c.Evolve != nil {
		wanted = c.Evolve
	}
	if lies.anew {
		files, err := w.cfg.Lake.Files(ctx, t, t.Snapshot(), lake.AllMonths)
		if err != nil {
			return c, false, err
		}
		c.Remove = files
	}
	var numbers []string
	carried := map[string]bool{}
	for n, f := range old.Files {
		if !changed.Intersect(plan.Of(days(t, f, gold.Day))).Empty() {
			c.Remove = append(c.Remove, f)
			carried[f.ID()] = true
			numbers = append(numbers, strconv.FormatInt(n, 10))
		}
	}
	if err := refuseLoss(t, c.Remove, carried, w.plan.Write[m.Name]); err != nil {
		return c, false, err
	}
	schema, err := table.SchemaToArrowSchema(wanted, nil, true, false)
	if err != nil {
		return c, false, fmt.Errorf("write %s: %w", m.Name, err)
	}
	sql := rowsSQL(m, wanted, old, changed, numbers)
	w.mu.Lock()
	w.written[m.Name] = rows.Query{Conn: w.writers[m.Name], SQL: sql, Column: gold.Day}
	w.mu.Unlock()
	c.Schema = schema
	c.Rows = rows.Select(ctx, w.writers[m.Name], fmt.Sprintf("from (%s) order by %s", sql, lake.OrderSQL(wanted, t.Meta.PartitionSpec(), m.Grain)), schema)
	if changed.Len() > manyDays {
		c.Rows = w.inTurn(ctx, c.Rows)
	}
	return c, true, nil
}

// rowsSQL selects the rows that a commit writes to a gold table: the new rows of the changed days, and the rows of all other
// days in the files that it replaces, which numbers names.
func rowsSQL(m *gold.Model, wanted *iceberg.Schema, old *rows.Held, changed plan.Days, numbers []string) string {
	columns := duck.Identifiers("", lake.ColumnNames(wanted))
	made := fmt.Sprintf("from new_%s where %s", m.Name, changed.SQL(gold.Day))
	if wanted.NumFields() > len(m.Columns) {
		// New rows have null in columns of other engines. The empty relation gives these columns their types.
		made = fmt.Sprintf("from (select * %s union all by name select * exclude (%s) from (%s) where false)", made, rows.FileColumn, old.Relation)
	}
	sql := "select " + columns + " " + made
	if len(numbers) > 0 {
		sql += fmt.Sprintf(" union all select %s from (%s) where %s in (%s) and not (%s)", columns, old.Relation, rows.FileColumn, strings.Join(numbers, ", "), changed.SQL(gold.Day))
	}
	return sql
}
