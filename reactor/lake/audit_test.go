package lake

import (
	"fmt"
	"reflect"
	"testing"
	"time"
)

// audited is what the audits of a table found at a step.
func audited(table string, step int64, rows int64) Audit {
	a := Audit{
		Table: table, Step: step, Passed: rows == 0, Days: 2, First: "2026-01-30", Last: "2026-01-31", At: time.UnixMicro(step).UTC(),
		Findings: []AuditFinding{{Audit: "prices", Rows: rows}, {Audit: "it's ? and $1", Rows: 0}},
	}
	if rows > 0 {
		a.Findings[0].Shown = []string{`asset_id <img onerror="x">, close 0`}
	}
	return a
}

func TestAuditsAreReadAsTheyWereRecorded(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		l := &Lake{catalog: opened(t, address)}
		step := func(audits ...Audit) {
			t.Helper()
			err := l.catalog.write(t.Context(), func(tx *Tx) error {
				if err := tx.Pin(t.Context(), Pins{Step: audits[0].Step, Tables: map[string]Pin{"silver.x": {}}}, time.UnixMicro(1)); err != nil {
					return err
				}
				return tx.RecordAudits(t.Context(), audits)
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		is := func(table string, n int, want ...Audit) {
			t.Helper()
			got, err := l.Audits(t.Context(), table, n)
			if err != nil || len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
				t.Errorf("the last %d of %s: %+v, %v; want %+v", n, table, got, err, want)
			}
		}
		is("gold.a", 5)
		step(audited("gold.a", 1, 0), audited("gold.b", 1, 0))
		// The same step is tried as often as events come, and committed once.
		for range 3 {
			if err := l.RecordAudits(t.Context(), []Audit{audited("gold.a", 2, 7)}); err != nil {
				t.Fatal(err)
			}
		}
		committed := audited("gold.a", 2, 0)
		committed.At = committed.At.Add(time.Second)
		step(committed)
		is("gold.a", 5, committed, audited("gold.a", 2, 7), audited("gold.a", 1, 0))
		is("gold.a", 1, committed)
		is("gold.b", 5, audited("gold.b", 1, 0))
		// A thousand steps on, the last of each table is there, and nothing else that is as old.
		step(audited("gold.c", keptSteps+forgetEvery, 0))
		is("gold.a", 5, committed, audited("gold.a", 2, 7))
		is("gold.b", 5, audited("gold.b", 1, 0))
		is("gold.c", 5, audited("gold.c", keptSteps+forgetEvery, 0))
	})
}

// What stopped a commit of a branch is not main's.
func TestAuditsOfABranchAreNotMains(t *testing.T) {
	l := &Lake{catalog: opened(t, "sqlite://"+t.TempDir()+"/catalog.db"), branch: &branch{name: "trial"}}
	if err := l.RecordAudits(t.Context(), []Audit{audited("gold.a", 1, 1)}); err != nil {
		t.Fatal(err)
	}
	if got, err := l.Audits(t.Context(), "gold.a", 5); err != nil || len(got) != 0 {
		t.Errorf("%s", fmt.Sprint(got, err))
	}
}
