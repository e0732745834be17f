package promote

import (
	"errors"
	"os"
	"strings"
	"testing"

	"millrace/reactor/event"
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
	w.model("audits/no_tether.sql", strings.Replace(audit, "'tether'", "'nothing'", 1))
	w.start()
	w.bring()
	if err := w.gold.Audited(); err != nil {
		t.Errorf("mended, and readiness says %v", err)
	}
}
