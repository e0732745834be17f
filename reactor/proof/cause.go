package proof

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"millrace/infra/cli"
	"millrace/reactor/gold"
	"millrace/reactor/lake"
	"millrace/reactor/promote"
	"millrace/reactor/reconcile"
	"millrace/reactor/silver"
	"millrace/reactor/silver/datasets"
	"millrace/reactor/tables"
)

// Repair is the command that brings every table back to what bronze gives.
const Repair = "reactor repair --yes"

// explain says of each table that differs why it does, and what mends it.
func (c *Check) explain(r *Report, view *lake.View) {
	wrong := map[string]bool{}
	for i := range r.Verdicts { // silver's come first, and each model after those that it reads
		v := &r.Verdicts[i]
		if v.Equal() {
			continue
		}
		wrong[v.Table] = true
		v.Causes = append(v.Causes, r.causes(v, view.Tables[v.Table])...)
		v.Mends = c.mends(r)
		if m, ok := c.Models.Model(v.Table); ok {
			v.behind(view.Tables[v.Table], m)
			for _, in := range m.Inputs {
				if wrong[in] {
					v.Causes = append(v.Causes, "it is computed from "+in+", which differs")
				}
			}
		}
		if len(v.Causes) == 0 {
			v.Causes = []string{"its snapshots do not tell: who changed it did so in one that has expired, or another release of millrace wrote it"}
		}
	}
}

// rereads says of each table of silver whether another definition made rows of it.
func (c *Check) rereads(ctx context.Context, view *lake.View) (map[string]string, error) {
	all := map[string]string{}
	for _, d := range datasets.All() {
		text, err := tables.Rereads(ctx, c.Lake, view.Tables[d.TableName()])
		if err != nil {
			return nil, err
		}
		if t := view.Tables[d.TableName()]; t != nil && !tables.DefinedBy(t.Meta, d) {
			text = "another definition made its rows: start the reactor with this one, and it reads the objects again"
		}
		if text != "" {
			all[d.TableName()] = text
		}
	}
	return all, nil
}

// behind adds what a gold table itself tells. Its mark tells of a model that failed at the reactor's start, when no event could become
// a dead letter.
func (v *Verdict) behind(t *lake.Table, m *gold.Model) {
	why, mends := promote.Behind(t, m)
	switch {
	case why == "" && v.Uncomputed != "":
		mends = "mend " + m.File + " and start the reactor again"
	case why == "":
		return
	case v.Uncomputed == "": // else the cause is there already
		v.Causes = append(v.Causes, why)
	}
	if strings.HasPrefix(v.Mends, Repair) { // else objects are hidden, and have to be shown first
		v.Mends = mends
	}
}

// causes are those that lie in the table itself.
func (r *Report) causes(v *Verdict, t *lake.Table) (all []string) {
	if v.Uncomputed != "" {
		all = append(all, v.Uncomputed)
	}
	if why := r.Rereads[v.Table]; why != "" {
		all = append(all, why)
	}
	if v.Foreign != nil {
		all = append(all, "another engine changed it: "+v.Foreign.String())
	}
	if t != nil && rolledBack(t) {
		all = append(all, fmt.Sprintf("it is rolled back to snapshot %d", t.SnapshotID()))
	}
	var absent []reconcile.Absent
	for _, a := range r.Absent {
		if silver.TableName(a.Table) == v.Table || v.Table == tables.Rejected {
			absent = append(absent, a)
		}
	}
	if len(absent) > 0 {
		a := absent[0]
		all = append(all, fmt.Sprintf("it has rows of %d objects that the listing of bronze lacks, such as %s version %s: %s", len(absent), a.SourceKey, a.SourceVersion, a.Advice()))
	}
	return all
}

// mends is the command that brings the tables back. While objects are hidden from the listing, the tables that bronze gives lack
// their rows, so they have to be shown first.
func (c *Check) mends(r *Report) string {
	if c.Branch != "" {
		return "reactor publish " + cli.ShellWord(c.Branch) + " --drop"
	}
	var commands []string
	for _, a := range r.Absent {
		command := "reactor retract " + cli.ShellWord(a.Cover)
		if a.Hidden && a.Cover != "" && !slices.Contains(commands, command) {
			commands = append(commands, command)
		}
	}
	if len(commands) > 0 {
		return strings.Join(commands, " && ")
	}
	if c.Folder != "" {
		return Repair + " --models " + cli.ShellWord(c.Folder)
	}
	return Repair
}

// rolledBack tells whether a later snapshot was the current one before.
func rolledBack(t *lake.Table) bool {
	for entry := range t.Meta.SnapshotLogs() {
		if s := t.Meta.SnapshotByID(entry.SnapshotID); s != nil && s.SequenceNumber > t.Sequence() {
			return true
		}
	}
	return false
}
