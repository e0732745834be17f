package gold

import (
	"errors"
	"strings"
	"testing"
)

func TestAnotherTextOfAModelChangesItAndWhatReadsIt(t *testing.T) {
	s := loaded(t)
	digests := func(s *Set) map[string]string {
		all := map[string]string{}
		for _, m := range s.Models {
			all[m.Name] = m.Digest
		}
		return all
	}
	before := digests(s)
	m, _ := s.Model("gold.daily_summary")
	same, err := s.With(t.Context(), m.Name, m.SQL+"-- a comment at the end\n")
	if err != nil {
		t.Fatal(err)
	}
	if len(same.Models) != len(s.Models) || len(same.Audits) != len(s.Audits) {
		t.Fatalf("%d models and %d audits, want %d and %d", len(same.Models), len(same.Audits), len(s.Models), len(s.Audits))
	}
	last, _ := s.Model("gold.market_summary")
	changed, err := s.With(t.Context(), last.Name, strings.Replace(last.SQL, "-- column: n_assets ", "-- column: n_assets said anew: ", 1))
	if err != nil {
		t.Fatal(err)
	}
	if m, _ := changed.Model(last.Name); m.SQL == last.SQL {
		t.Error("the text is the old one")
	}
	for name, digest := range digests(changed) {
		if digest != before[name] {
			t.Errorf("the meaning of a column changes the digest of %s", name)
		}
	}
	other, err := s.With(t.Context(), m.Name, strings.Replace(m.SQL, "-- lookback: 0 days", "-- lookback: 1 days", 1))
	if err != nil {
		t.Fatal(err)
	}
	for name, digest := range digests(other) {
		if name != "gold.daily_summary" && digest == before[name] {
			t.Errorf("%s reads gold.daily_summary and would not be computed anew", name)
		}
	}
	if digests(other)[m.Name] == before[m.Name] {
		t.Error("another lookback leaves the digest as it was")
	}
	if now := digests(s); now[m.Name] != before[m.Name] {
		t.Error("the set itself has changed")
	}
}

func TestAnotherTextIsHeldToTheRulesOfModels(t *testing.T) {
	s := loaded(t)
	m, _ := s.Model("gold.daily_summary")
	for what, text := range map[string]string{
		"nothing":           "",
		"no header":         "select 1",
		"a file":            m.SQL[:strings.Index(m.SQL, "select")] + "select content as asset_id, current_date as day from read_text('/etc/passwd')",
		"a taken name":      strings.Replace(m.SQL, "gold.daily_summary", "gold.rankings", 1),
		"a missing column":  strings.Replace(m.SQL, "select", "select nope,", 1),
		"what others need":  "-- model: gold.daily_summary\n-- grain: asset_id, day\n-- lookback: 0 days\nselect asset_id, cast(make_timestamp(epoch_us(observed_at)) as date) as day from silver.asset_prices group by all\n",
		"another statement": m.SQL + ";\ndrop table silver.asset_prices",
	} {
		_, err := s.With(t.Context(), m.Name, text)
		var refused *Refusal
		if !errors.As(err, &refused) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := s.With(t.Context(), "gold.nope", m.SQL); err == nil {
		t.Error("a model that is not there gets a text")
	}
}
