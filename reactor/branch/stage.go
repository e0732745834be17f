package branch

import (
	"context"
	"fmt"
	"iter"
	"time"

	"millrace/reactor/event"
	"millrace/reactor/lake"
	"millrace/reactor/reconcile"
	"millrace/reactor/tables"
)

// Staging is a branch on which another engine may write what bronze gives.
type Staging struct {
	Run string
	// Step is the number that the branch's step of gold will have.
	Step    int64
	Objects map[string][]event.Object // of silver, by dataset
}

// Stage makes a branch for another engine, such as Spark, and lists the objects that it is to bring there. The engine writes silver
// and gold onto the branch; then Adopt takes note of it.
func (r *Replay) Stage(ctx context.Context, name string, objects iter.Seq2[event.Object, error]) (Staging, error) {
	silver, _ := tables.OfSilver()
	if err := r.Lake.Create(ctx, append(silver, tables.OfGold(r.Models)...)...); err != nil { // the engine writes tables, and makes none
		return Staging{}, err
	}
	if err := r.fits(ctx); err != nil {
		return Staging{}, err
	}
	s := Staging{Run: reconcile.NewRun(time.Now())}
	// The branch comes before the listing: an object that comes in between is in the listing, and one that comes later moves main.
	var made *lake.Lake
	err := lake.Patient.Do(ctx, func() (err error) {
		made, err = r.Lake.Branch(ctx, name, s.Run)
		return err
	})
	if err != nil {
		return s, err
	}
	view, err := made.View(ctx)
	if err != nil {
		return s, err
	}
	s.Step = view.Pins.Step + 1
	if s.Objects, _, err = r.list(objects); err != nil {
		return s, fmt.Errorf("branch %s has no list of objects (`reactor publish %s --drop` takes it away): %w", name, name, err)
	}
	return s, nil
}
