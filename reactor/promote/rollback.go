package promote

import (
	"context"

	"millrace/reactor/namespace"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"millrace/reactor/lake"
)

// Rollback makes an earlier snapshot of a table the current one.
//
// A gold table loses the digest of its model, so the next step computes all of its days: another model may have made the earlier
// rows, and the pins are not true of them. If the digest stayed, days that silver does not change would keep the earlier rows.
//
// A silver table gets rows of deleted versions back, which RemoveAgain takes out.
func Rollback(ctx context.Context, l *lake.Lake, t *lake.Table, to *table.Snapshot) error {
	if t.SnapshotID() == to.SnapshotID {
		return nil
	}
	var properties iceberg.Properties
	if namespace.Gold.Has(t.Name) && t.Meta.Properties()[digestProperty] != "" {
		properties = iceberg.Properties{digestProperty: rolledBack}
	}
	return l.Rollback(ctx, t, to, properties, letGo(t))
}

// rolledBack replaces the model's digest in a table that was rolled back. No model has it.
const rolledBack = "rolled back"

// RolledBack tells whether a gold table is rolled back and waits for the step that recomputes it.
func RolledBack(view *lake.View) bool {
	for _, t := range view.Tables {
		if t.Meta.Properties()[digestProperty] == rolledBack {
			return true
		}
	}
	return false
}

// AfterRollback tells people what becomes of a table that was rolled back.
func AfterRollback(name string) string {
	if namespace.Gold.Has(name) {
		return name + " is rolled back until gold is computed next (a change of silver, a start of the reactor, or `reactor replay`): then it is made anew from silver"
	}
	return name + " is rolled back and gold follows it; `reactor replay` brings the rows of bronze back, and until then `reactor check` says what is missing"
}
