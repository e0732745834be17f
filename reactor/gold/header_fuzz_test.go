package gold

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"millrace/reactor/gold/plan"
)

// Any user's file is either a model or audit with a valid header, or is refused with a place.
func FuzzHeader(f *testing.F) {
	f.Add(head + "select asset_id, day from gold.daily_summary; -- end")
	f.Add("-- audit: a\n-- of: gold.rankings\nselect * from gold.rankings\n;\n--")
	f.Add("-- model: gold.x\r\n-- grain: day\r\n-- lookback: 1 day\r\nselect 1")
	f.Add("--model:gold.x\n--\n-- lookback: 99999 days")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := readModel("m.sql", text)
		checkRefusal(t, text, err)
		if err == nil && (!tableName.MatchString(m.Name) || !slices.Contains(m.Grain, Day) || m.Lookback < 0 || m.Lookback > maxLookback && m.Lookback != plan.AllDays) {
			t.Errorf("%+v of %q", m, text)
		}
		a, err := readAudit("a.sql", text)
		checkRefusal(t, text, err)
		if err == nil && (!auditName.MatchString(a.Name) || a.Of == "") {
			t.Errorf("%+v of %q", a, text)
		}
		if s := subquery(text); !strings.HasPrefix(s, "(") || !strings.HasSuffix(s, "\n)") {
			t.Errorf("subquery %q", s)
		}
	})
}

func checkRefusal(t *testing.T, text string, err error) {
	t.Helper()
	var r *Refusal
	if err != nil && (!errors.As(err, &r) || r.Line < 1 || r.Line > strings.Count(text, "\n")+1 || r.Reason == "") {
		t.Errorf("%v of %q", err, text)
	}
}
