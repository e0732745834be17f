package replay_test

import (
	"strings"
	"testing"

	"millrace/tests/harness"
)

// A branch of a changed model was published beside a reactor of the old one, which computed the table by its own again 0.65 s later. A
// check with other models than the reactor's, or with one that the reactor cannot compute, said that the snapshots do not tell why.
func TestTheReactorsModelsDecideWhatIsPublishedAndWhatDiffers(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())
	own := harness.NewModels(t)
	write := func(spread string) {
		own.Write(t, "spread.sql", harness.SpreadHeader+"select asset_id, day, "+spread+" as spread from gold.daily_summary\n")
	}
	// check wants a check to fail with a cause and what mends it.
	check := func(cause, mends string) {
		t.Helper()
		r := s.RunEnv(t, []string{own.Env()}, "reactor", "check", "--output", "json")
		if r.Code != 1 || !strings.Contains(r.Stdout, cause) || !strings.Contains(r.Stdout, mends) || strings.Contains(r.Stdout, "do not tell") || strings.Contains(r.Stdout, "reactor repair") {
			t.Errorf("want the cause %q and %q: %s", cause, mends, r)
		}
	}
	write("high - low")
	r := s.StartReactor(t, own.Env())
	s.PutRanges(t)
	s.Settled(t)

	write("(high - low) * 2")
	check("by another model than", "start the reactor again")
	if got := s.RunEnv(t, []string{own.Env()}, "reactor", "replay", "--dataset", "coincap/assets", "--branch", "trial"); got.Code != 0 {
		t.Fatal(got)
	}
	before := s.Contents(t, "gold.spread")
	publish := func() harness.Result {
		return s.RunEnv(t, []string{own.Env()}, "reactor", "publish", "trial", "--refresh")
	}
	if got := publish(); got.Code != 1 || !strings.Contains(got.Stderr, "gold.spread by another model") || !strings.Contains(got.Stderr, "--no-reactor") {
		t.Errorf("beside a reactor of the old model: %s", got)
	}
	s.SameContents(t, "after a publication that was refused", before)
	r.StopInOrder(t)
	if got := publish(); got.Code != 0 {
		t.Errorf("while no reactor runs: %s", got)
	}
	r = s.StartReactor(t, own.Env())
	if n := s.Count(t, "select count(*) as n from gold.spread join gold.daily_summary using (asset_id, day) where spread = (high - low) * 2"); n != 6 {
		t.Errorf("%d of 6 rows are those of the branch", n)
	}
	s.CheckEqual(t, own.Env())

	write("cast('x' || asset_id as integer)")
	r.StopInOrder(t)
	r = s.StartUnready(t, own.Env())
	harness.Eventually(t, "readiness names the model", func() bool {
		_, text := harness.Get(t, "http://"+r.Addr+"/readyz")
		return strings.Contains(text, "spread.sql")
	})
	if got := s.Run(t, "reactor", "tables", "--output", "csv"); got.Code != 0 || !strings.Contains(got.Stdout, ",failed,") {
		t.Errorf("the tables do not show it: %s", got)
	}
	check("spread.sql", "mend ")
	write("(high - low) * 3")
	check("the model has changed since", "start the reactor again")
}
