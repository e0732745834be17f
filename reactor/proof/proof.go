// Package proof proves the tables against bronze: it recomputes everything from the objects, with other SQL than the merge's, and
// compares row by row. It needs bounded memory and works while the lake is in use.
package proof

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"millrace/infra/bucket"
	"millrace/reactor/duck"
	"millrace/reactor/event"
	"millrace/reactor/gold"
	"millrace/reactor/gold/plan"
	"millrace/reactor/intake"
	"millrace/reactor/lake"
	"millrace/reactor/reconcile"
	"millrace/reactor/silver"
	"millrace/reactor/silver/datasets"
	"millrace/reactor/tables"
)

// checkBatch is the number of objects that a check decodes at once.
const checkBatch = 256

// Check proves that the tables are what bronze gives. It works in its own database, which may spill to disk.
type Check struct {
	Lake   *lake.Lake
	Bucket bucket.Bucket
	// Branch is the branch that Lake shows; "" for main. The objects that it was made of are in the ledger when it is published.
	Branch string
	Models *gold.Set
	Limits silver.Limits // of an object, as the reactor has them
	DB     *duck.DB
	// Folder is that of own models, for commands that are printed; "" if the environment names it.
	Folder string
	// Progress is called with the number of objects just decoded.
	Progress func(int)

	expected map[string]string // by silver table without namespace: the relation with the rows that bronze gives
	objects  map[event.ID]bool // that these rows are of
}

// Report is the result of a check.
type Report struct {
	Verdicts []Verdict
	// Unpromoted lists objects that should have been promoted by now and that the ledger does not know.
	Unpromoted []event.Object
	// Misjudged lists objects whose ledger entry is wrong: it is dead and can be read, or the other way round.
	Misjudged []Misjudged
	// Absent lists objects whose rows the tables have and that bronze's listing lacks. Without them the tables cannot be
	// rebuilt.
	Absent []reconcile.Absent
	// Rereads says, by table, that another definition made rows of it, and what comes of that.
	Rereads map[string]string
}

// Misjudged says of an object that its ledger entry is wrong.
type Misjudged struct {
	Text string
	Lost bool // the tables have its rows, and it cannot be read
}

// Equal tells whether the check found nothing wrong.
func (r Report) Equal() bool {
	return len(r.Unpromoted) == 0 && len(r.Misjudged) == 0 && len(r.Absent) == 0 && !slices.ContainsFunc(r.Verdicts, func(v Verdict) bool { return !v.Equal() })
}

// Run checks the lake as it was when the view was read, with the objects that had come in by then. It fails if gold lags behind
// silver in the view.
func (c *Check) Run(ctx context.Context, view *lake.View, listed []event.Object, now time.Time) (Report, error) {
	if !view.Current() {
		return Report{}, errLag
	}
	return c.Compare(ctx, view, listed, now)
}

// Compare is Run for a lake whose gold may lag behind: then gold's tables differ by that, too. The relations that Expected names
// stay in the database.
func (c *Check) Compare(ctx context.Context, view *lake.View, listed []event.Object, now time.Time) (Report, error) {
	var r Report
	ledger, later, err := c.ledger(ctx, view)
	if err != nil {
		return r, err
	}
	if r.Absent, err = c.absent(ctx, ledger, listed); err != nil {
		return r, err
	}
	objects := map[string][]event.Object{}
	c.objects = map[event.ID]bool{}
	for _, o := range listed {
		e, ok := ledger[o.ID()]
		ok = ok && e.Outcome != lake.OutcomeRemoved // an object that is listed is there again
		switch {
		case ok && e.Table != "":
			objects[e.Table] = append(objects[e.Table], o)
			c.objects[o.ID()] = true
		case !ok && c.Branch == "" && !later[o.ID()] && now.Sub(o.ModifiedAt) > settled: // a branch has what it was made of
			r.Unpromoted = append(r.Unpromoted, o)
		}
	}
	c.expected = map[string]string{}
	refused, err := c.DB.Connect()
	if err != nil {
		return r, err
	}
	defer refused.Close()
	if err := refused.Exec(ctx, silver.RejectedMergeSQL().Incoming); err != nil {
		return r, err
	}
	for _, d := range datasets.All() {
		bad, err := c.expect(ctx, d, objects[d.Table], ledger, refused)
		if err != nil {
			return r, err
		}
		r.Misjudged = append(r.Misjudged, bad...)
	}
	if r.Verdicts, err = c.silver(ctx, view, refused); err != nil {
		return r, err
	}
	verdicts, err := c.gold(ctx, view)
	if err != nil {
		return r, err
	}
	r.Verdicts = append(r.Verdicts, verdicts...)
	if r.Rereads, err = c.rereads(ctx, view); err != nil {
		return r, err
	}
	c.explain(&r, view)
	return r, nil
}

// Listed lists the objects of bronze for a check. It comes after the view: what the view's ledger knows is in the listing then.
func Listed(ctx context.Context, b bucket.Bucket) (listed []event.Object, err error) {
	for o, err := range reconcile.Objects(ctx, b, "") {
		if err != nil {
			return nil, err
		}
		listed = append(listed, o)
	}
	return listed, nil
}

// Expected returns the relation with the rows that bronze gives for a table of silver, and the objects that it is made of.
func (c *Check) Expected(table string) (relation string, objects map[event.ID]bool) {
	name, _ := silver.CutName(table)
	return c.expected[name], c.objects
}

// absent returns the objects whose rows the tables have and that the listing lacks.
func (c *Check) absent(ctx context.Context, ledger map[event.ID]lake.Entry, listed []event.Object) ([]reconcile.Absent, error) {
	there := make(map[event.ID]bool, len(listed))
	for _, o := range listed {
		there[o.ID()] = true
	}
	var entries []lake.Entry
	for id, e := range ledger {
		if e.Held() && !there[id] {
			entries = append(entries, e)
		}
	}
	return reconcile.Explain(ctx, c.Bucket, entries)
}

// settled is the age at which an object should have been promoted.
const settled = 5 * time.Second

// errLag says that gold is not computed from silver's current snapshots.
var errLag = errors.New("gold lags behind silver")

// ledger returns the entries of the events whose effect the view's tables have, and the ids of events that were committed later.
func (c *Check) ledger(ctx context.Context, view *lake.View) (entries map[event.ID]lake.Entry, later map[event.ID]bool, err error) {
	entries, later = map[event.ID]lake.Entry{}, map[event.ID]bool{}
	note := func(e lake.Entry) error {
		id := event.ID(e.EventID)
		if t := view.Tables[silver.TableName(e.Table)]; t != nil && e.Sequence > t.Meta.LastSequenceNumber() { // not the current snapshot's number, which is lower after a rollback
			later[id] = true
			return nil
		}
		entries[id] = e
		return nil
	}
	if err = c.Lake.Entries(ctx, note); err == nil && c.Branch != "" {
		err = c.Lake.Staged(ctx, c.Branch, note)
	}
	return entries, later, err
}

// expect decodes the objects of a dataset and leaves the winning rows in the table expected.<table>. It returns what the ledger
// has wrong about the objects.
func (c *Check) expect(ctx context.Context, d *silver.Dataset, objects []event.Object, ledger map[event.ID]lake.Entry, refused *duck.Conn) ([]Misjudged, error) {
	conn, err := c.DB.Connect()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	in := intake.Intake{Client: c.Bucket.Client, Dataset: d, Limits: c.Limits, Rows: conn, Rejected: refused}
	in.KeepRefused()
	if err := in.Begin(ctx); err != nil {
		return nil, err
	}
	var bad []Misjudged
	for part := range slices.Chunk(objects, checkBatch) {
		errs, err := in.Fill(ctx, part)
		if err != nil {
			return nil, err
		}
		for i, o := range part {
			wrong, err := misjudged(o, ledger[o.ID()], errs[i])
			if err != nil {
				return nil, err
			}
			if wrong.Text != "" {
				bad = append(bad, wrong)
			}
		}
		c.Progress(len(part))
	}
	relation := "expected." + duck.Identifier(d.Table)
	c.expected[d.Table] = relation
	return bad, conn.Exec(ctx, "create schema if not exists expected; "+d.WinnersSQL(relation)+"; drop table incoming")
}

// misjudged compares an object's ledger entry with the result of decoding it now.
func misjudged(o event.Object, e lake.Entry, err error) (Misjudged, error) {
	action, _ := event.Outcome(err, 1)
	switch {
	case action == event.Retry:
		return Misjudged{}, err // the store failed, so this proves nothing
	case e.Outcome == lake.OutcomeOutdated:
		return Misjudged{}, nil // the reactor reads it again, and judges it anew
	case action == event.Dead && e.Outcome != lake.OutcomeDead:
		return Misjudged{fmt.Sprintf("%s is in silver and cannot be read: %v", o.Key, err), true}, nil
	case action == event.Done && e.Outcome == lake.OutcomeDead:
		return Misjudged{fmt.Sprintf("%s is a dead letter and can be read: `reactor replay --key` brings it in", o.Key), false}, nil
	}
	return Misjudged{}, nil
}

// silver compares silver's tables with what bronze gives.
func (c *Check) silver(ctx context.Context, view *lake.View, refused *duck.Conn) ([]Verdict, error) {
	conn, err := c.DB.Connect()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	var verdicts []Verdict
	for _, table := range slices.Sorted(maps.Keys(c.expected)) { // the datasets'
		t, err := view.Table(silver.TableName(table))
		if err != nil {
			return nil, err
		}
		d := datasetOf(table)
		v, err := comparison{conn: conn, lake: c.Lake, table: t, expected: c.expected[table], key: d.Key, columns: lake.ColumnNames(d.Schema()), column: gold.SilverTime}.run(ctx)
		if err != nil {
			return nil, err
		}
		verdicts = append(verdicts, v)
	}
	t, err := view.Table(tables.Rejected)
	if err != nil {
		return nil, err
	}
	relation := "expected." + duck.Identifier(silver.RejectedTable)
	if err := refused.Exec(ctx, "create or replace table "+relation+" as from incoming; drop table incoming"); err != nil {
		return nil, err
	}
	c.expected[silver.RejectedTable] = relation
	v, err := comparison{conn: refused, lake: c.Lake, table: t, expected: relation, key: silver.RejectedKey(), columns: lake.ColumnNames(silver.RejectedSchema()), column: "source_modified_at"}.run(ctx)
	return append(verdicts, v), err
}

// gold computes every day of every model from what bronze gives, and compares the result with gold's tables.
func (c *Check) gold(ctx context.Context, view *lake.View) ([]Verdict, error) {
	conn, err := c.DB.Connect()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := gold.Prepare(ctx, conn); err != nil {
		return nil, err
	}
	change, err := c.inputs(ctx, conn)
	if err != nil {
		return nil, err
	}
	set, p, failed, err := c.compute(ctx, conn, change)
	if err != nil {
		return nil, err
	}
	var verdicts []Verdict
	for _, m := range c.Models.Models {
		t, err := view.Table(m.Name)
		if err != nil {
			return nil, err
		}
		if _, computed := set.Model(m.Name); !computed {
			verdicts = append(verdicts, Verdict{Table: m.Name, Uncomputed: failed})
			continue
		}
		expected := "new_" + m.Name
		if p.Write[m.Name].Empty() {
			expected = "(" + m.EmptyRows() + ")"
		}
		v, err := comparison{conn: conn, lake: c.Lake, table: t, expected: expected, key: m.Grain, columns: m.ColumnNames(), column: gold.Day}.run(ctx)
		if err != nil {
			return nil, err
		}
		var f *gold.Failure
		if !v.Equal() && !m.Ours {
			if err := set.VerifyLookback(ctx, conn, p, m); errors.As(err, &f) {
				v.Causes = append(v.Causes, f.Error())
			} else if err != nil {
				return nil, err
			}
		}
		verdicts = append(verdicts, v)
	}
	return verdicts, nil
}

// inputs makes views for the models: silver's tables have what bronze gives, gold's tables are empty. It returns the change that
// has all days of all models computed.
func (c *Check) inputs(ctx context.Context, conn *duck.Conn) (plan.Change, error) {
	change := plan.Change{Present: map[string]plan.Range{}, Rebuild: map[string]bool{}}
	for _, in := range c.Models.Inputs {
		table, _ := silver.CutName(in.Name)
		relation := c.expected[table]
		if err := conn.Exec(ctx, fmt.Sprintf("create or replace view %s as from %s", in.Name, relation)); err != nil {
			return change, err
		}
		ends, err := conn.Ints(ctx, fmt.Sprintf(`select unnest([min(d), max(d)]) from (select %s - date '1970-01-01' as d from %s) having count(*) > 0`, gold.SilverDay, relation))
		if err != nil {
			return change, err
		}
		if len(ends) == 2 {
			change.Present[in.Name] = plan.Range{From: plan.Day(ends[0]), To: plan.Day(ends[1])}
		}
	}
	for _, m := range c.Models.Models {
		change.Rebuild[m.Name] = true
		if err := conn.Exec(ctx, fmt.Sprintf("create or replace view old_%s as %s", m.Name, m.EmptyRows())); err != nil {
			return change, err
		}
	}
	return change, nil
}

// compute computes all days of all models. It leaves out models that cannot be computed and models that read them; failed says
// why.
func (c *Check) compute(ctx context.Context, conn *duck.Conn, change plan.Change) (set *gold.Set, p plan.Plan, failed string, err error) {
	for set = c.Models; ; {
		if p, err = set.Plan(change); err != nil {
			return nil, p, "", err
		}
		if err = set.Compute(ctx, conn, p, nil); err == nil {
			err = set.Verify(ctx, conn, p)
		}
		var f *gold.Failure
		if !errors.As(err, &f) || f.Fatal {
			return set, p, failed, err
		}
		failed = strings.TrimPrefix(failed+"; "+f.Error(), "; ")
		set = set.Without(f.Model)
	}
}
