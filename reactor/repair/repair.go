// Package repair brings the tables back to what bronze gives. It takes the rows that a check works out, puts them in the place of
// those that differ, and has gold computed anew where it differs: all of that in commits like the promoters', beside a reactor that
// may be at work. It leaves right rows, other engines' columns and tables, tags and snapshots alone.
package repair

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/apache/iceberg-go"

	"millrace/infra/bucket"
	"millrace/reactor/duck"
	"millrace/reactor/event"
	"millrace/reactor/gold"
	"millrace/reactor/lake"
	"millrace/reactor/progress"
	"millrace/reactor/promote"
	"millrace/reactor/proof"
	"millrace/reactor/reconcile"
	"millrace/reactor/rows"
	"millrace/reactor/silver"
	"millrace/reactor/silver/datasets"
	"millrace/reactor/tables"
)

// Repair is one repair of a lake. Look comes first.
type Repair struct {
	Lake   *lake.Lake
	Bucket bucket.Bucket
	Models *gold.Set
	Folder string        // of own models, as the command line names it
	Limits silver.Limits // of an object, as the reactor has them
	DB     *duck.DB      // of the repair's own; what does not fit its memory spills to disk
	Show   progress.Show
	AtOnce int64 // rows of silver that one commit may replace and write; 0 is the promoter's default

	check  *proof.Check
	view   *lake.View // that was looked at
	report proof.Report
}

// Look works out what bronze gives, and how the tables differ from that. It changes nothing.
func (r *Repair) Look(ctx context.Context) (proof.Report, error) {
	bar := r.Show(-1, "decoding")
	defer bar.Done()
	r.check = &proof.Check{Lake: r.Lake, Bucket: r.Bucket, Models: r.Models, Folder: r.Folder, Limits: r.Limits, DB: r.DB, Progress: func(n int) { bar.Add(n) }}
	var err error
	if r.view, err = r.Lake.View(ctx); err != nil {
		return r.report, err
	}
	if err := errors.Join(tables.Complete(r.view, ""), tables.Same(r.view)); err != nil {
		return r.report, err
	}
	listed, err := proof.Listed(ctx, r.Bucket)
	if err != nil {
		return r.report, err
	}
	r.report, err = r.check.Compare(ctx, r.view, listed, time.Now())
	return r.report, err
}

// Refusal says why a repair would do harm, and what to do first; nil when it would not.
func Refusal(report proof.Report) error {
	for _, a := range report.Absent {
		if a.Hidden {
			return fmt.Errorf("the listing of bronze lacks %s: %s", a.SourceKey, a.Advice())
		}
	}
	for _, m := range report.Misjudged {
		if m.Lost {
			return fmt.Errorf("a repair would take out the rows of an object that could be read before: %s. Give the repair the limits of `reactor run`, or delete the object (`reactor retract`)", m.Text)
		}
	}
	return nil
}

// looks is how often a repair looks anew, because objects are deleted from bronze meanwhile.
const looks = 3

// Apply makes the tables what bronze gives. A repair that is stopped has done a part of it, and another one does the rest.
func (r *Repair) Apply(ctx context.Context) error {
	run := "repair-" + reconcile.NewRun(time.Now())
	for look := 1; ; look++ {
		if err := Refusal(r.report); err != nil {
			return err
		}
		err := r.apply(ctx, run)
		if !errors.Is(err, promote.ErrStale) || look == looks {
			return err
		}
		if _, err := r.Look(ctx); err != nil {
			return err
		}
	}
}

func (r *Repair) apply(ctx context.Context, run string) error {
	cfg := promote.Config{Lake: r.Lake, Client: r.Bucket.Client, DB: r.DB, Cache: rows.New(r.Lake), Limits: r.Limits, Insist: true}
	for _, d := range datasets.All() {
		if err := r.silver(ctx, cfg, d, run); err != nil {
			return err
		}
	}
	return r.gold(ctx, cfg, run)
}

// silver mends the table of a dataset, and the refused rows along with the last one.
func (r *Repair) silver(ctx context.Context, cfg promote.Config, d *silver.Dataset, run string) error {
	s, err := promote.NewSilver(cfg, d)
	if err != nil {
		return err
	}
	defer s.Close()
	m := r.mending(d.TableName(), run)
	if err := r.shown("mending "+d.TableName(), func() error { return s.Mend(ctx, m) }); err != nil {
		return err
	}
	if all := datasets.All(); d == all[len(all)-1] {
		if err := r.shown("mending "+tables.Rejected, func() error { return s.MendRefused(ctx, r.mending(tables.Rejected, run)) }); err != nil {
			return err
		}
	}
	return r.follow(ctx, s, m, followed{d.Table, run})
}

// shown does work of which nobody knows how much it is, and shows its name meanwhile.
func (r *Repair) shown(name string, work func() error) error {
	bar := r.Show(-1, name)
	defer bar.Done()
	return work()
}

// mending is what the check found out of a table of silver.
func (r *Repair) mending(table, run string) promote.Mending {
	m := promote.Mending{AtOnce: r.AtOnce, Since: map[string]int64{}, Gone: map[event.ID]bool{}}
	for _, a := range r.report.Absent {
		m.Gone[event.ID(a.EventID)] = true
	}
	m.Expected, m.Objects = r.check.Expected(table)
	for _, d := range datasets.All() {
		m.Since[d.Table] = r.view.Tables[d.TableName()].Sequence()
	}
	for _, v := range r.report.Verdicts {
		if v.Table == table {
			m.Months, m.Summary = v.Months, summary(run, v)
		}
	}
	return m
}

// summary says in a snapshot who made it and why.
func summary(run string, of ...proof.Verdict) iceberg.Properties {
	var why []string
	for _, v := range of {
		why = append(why, v.Causes...)
	}
	const longest = 500
	text := strings.Join(why, "; ")
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + "…"
	}
	return lake.RepairSummary(run, text)
}

// followed is a dataset's table, without namespace, and the run of the repair.
type followed struct{ table, run string }

// followBatch is how many objects go into one commit.
const followBatch = 256

// follow works on events as the promoter does: on those of deleted versions, so that the ledger has them as removed, and on those
// that came in since the repair looked. Rows that another engine had dated into the future may have won against these.
func (r *Repair) follow(ctx context.Context, s *promote.Silver, m promote.Mending, of followed) error {
	late, err := s.Latecomers(ctx, m)
	if err != nil {
		return err
	}
	var batch []event.Delivery
	for _, e := range late {
		p, there, err := reconcile.Present(ctx, r.Bucket, e.SourceKey, e.SourceVersion)
		if err != nil {
			return err
		}
		if there && p.Is(e.ModifiedAt) {
			p.Object.ModifiedAt = e.ModifiedAt
			batch = append(batch, event.Delivery{Object: p.Object, Run: of.run, Attempt: 1})
		}
	}
	for _, a := range r.report.Absent {
		if !a.Hidden && a.Table == of.table {
			batch = append(batch, event.Delivery{Object: reconcile.Removal(r.Bucket, a.Entry), Run: of.run, Attempt: 1})
		}
	}
	bar := r.Show(len(batch), "promoting what came in meanwhile")
	defer bar.Done()
	for part := range slices.Chunk(batch, followBatch) {
		for i, err := range s.Handle(ctx, part) {
			if action, _ := event.Outcome(err, 1); action == event.Retry {
				return fmt.Errorf("promote %s: %w", part[i].Object.Key, err)
			}
		}
		bar.Add(len(part))
	}
	return nil
}

// gold computes the tables of gold anew that differ, and brings the others to silver as it is now.
func (r *Repair) gold(ctx context.Context, cfg promote.Config, run string) error {
	g, err := promote.NewGold(cfg, r.Models)
	if err != nil {
		return err
	}
	defer g.Close()
	if err := r.Lake.Create(ctx, g.Tables()...); err != nil {
		return err
	}
	var wrong []proof.Verdict
	var names []string
	for _, v := range r.report.Verdicts {
		if _, ok := r.Models.Model(v.Table); ok && !v.Equal() {
			wrong, names = append(wrong, v), append(names, v.Table)
		}
	}
	return r.shown("computing gold", func() error { return g.Mend(ctx, names, summary(run, wrong...)) })
}
