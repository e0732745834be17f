package harness

import (
	"encoding/json"
	"testing"
)

// Verdict is a line of `reactor check`.
type Verdict struct {
	Table           string
	Rows            int
	Digest          string
	Missing, Excess int
	Equal           bool
	Cause, Mends    string
	MadeBy          string `json:"made_by"`
	Snapshot        int64
	Day             string
	FirstWrong      string `json:"first_wrong"`
}

// Verdicts reads what a run of `reactor check --output json` says, by table. It fails the test unless the run ended with the
// code and judged every table.
func Verdicts(t testing.TB, r Result, code int) map[string]Verdict {
	t.Helper()
	var list []Verdict
	if err := json.Unmarshal([]byte(r.Stdout), &list); err != nil || r.Code != code || len(list) < len(Tables) {
		t.Fatalf("reactor check: want exit code %d and a verdict on each table: %v, %s", code, err, r)
	}
	verdicts := map[string]Verdict{}
	for _, v := range list {
		verdicts[v.Table] = v
	}
	return verdicts
}

// CheckEqual has the whole lake proved against bronze, and returns the verdicts by table.
func (l *Lake) CheckEqual(t testing.TB, env ...string) map[string]Verdict {
	t.Helper()
	verdicts := Verdicts(t, l.RunEnv(t, env, "reactor", "check", "--output", "json"), 0)
	for _, v := range verdicts {
		if !v.Equal || v.Missing+v.Excess != 0 {
			t.Errorf("%s is not what bronze gives: %+v", v.Table, v)
		}
	}
	return verdicts
}

// Differing are the tables that `reactor check` finds other than bronze gives, with the rows missing and too many. There must be some.
func (l *Lake) Differing(t testing.TB) map[string][2]int {
	t.Helper()
	found := map[string][2]int{}
	for _, v := range Verdicts(t, l.Run(t, "reactor", "check", "--output", "json"), 1) {
		if !v.Equal {
			found[v.Table] = [2]int{v.Missing, v.Excess}
		}
	}
	return found
}
