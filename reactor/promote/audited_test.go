package promote

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"millrace/reactor/event"
	"millrace/reactor/lake"
)

// An audit that fails holds all of gold. Its event is a dead letter and every model can be computed, so nothing else tells readiness.
func TestReadinessNamesTheAuditThatHoldsGold(t *testing.T) {
	w := openWorkshop(t)
	if err := os.Mkdir(w.folder+"/audits", 0o700); err != nil {
		t.Fatal(err)
	}
	const audit = "-- audit: no_tether\n-- of: gold.daily_summary\nselect asset_id, day from gold.daily_summary where asset_id = 'tether'\n"
	w.model("audits/no_tether.sql", audit)
	w.start()
	w.days("2026-01-20", 1, "bitcoin")
	w.bring()
	if err := w.gold.Audited(); err != nil {
		t.Errorf("before: %v", err)
	}
	w.days("2026-01-21", 1, "tether")
	var dead *event.DeadError
	if err := w.gold.Bring(t.Context()); !errors.As(err, &dead) || dead.Class != event.Audited {
		t.Fatalf("the audit lets it pass: %v", err)
	}
	if err := w.gold.Audited(); err == nil || !strings.Contains(err.Error(), "no_tether") || !strings.Contains(err.Error(), "tether") {
		t.Errorf("readiness says %v", err)
	}
	// The console shows what was found, and what was found before.
	found := func() []lake.Audit {
		t.Helper()
		all, err := w.lake.Audits(t.Context(), "gold.daily_summary", 10)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	all := found()
	if len(all) != 2 || all[0].Passed || !all[1].Passed || all[0].Step != all[1].Step+1 || all[0].Days != 1 || all[0].First != "2026-01-21" {
		t.Fatalf("the audits: %+v", all)
	}
	broken := slices.DeleteFunc(all[0].Findings, func(f lake.AuditFinding) bool { return f.Rows == 0 })
	if len(broken) != 1 || broken[0].Audit != "no_tether" || broken[0].Rows != 1 || len(broken[0].Shown) != 1 || !strings.Contains(broken[0].Shown[0], "tether") {
		t.Errorf("what broke a rule: %+v", broken)
	}
	w.model("audits/no_tether.sql", strings.Replace(audit, "'tether'", "'nothing'", 1))
	w.start()
	w.bring()
	if err := w.gold.Audited(); err != nil {
		t.Errorf("mended, and readiness says %v", err)
	}
	if all := found(); len(all) != 3 || !all[0].Passed || all[1].Passed || all[0].Step != all[1].Step {
		t.Errorf("mended, and the audits: %+v", all)
	}
}
