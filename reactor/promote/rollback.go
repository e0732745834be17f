package promote

import (
	"context"
	"fmt"
	"strconv"

	"millrace/reactor/namespace"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"millrace/reactor/lake"
	"millrace/reactor/tables"
)

// Rollback makes an earlier snapshot of a table the current one.
//
// A gold table loses the digest of its model, so the next step computes all of its days: another model may have made the earlier
// rows, and the pins are not true of them. If the digest stayed, days that silver does not change would keep the earlier rows.
//
// Rows under a former key are no rows of the table: the rollback is refused. Where another engine does it, outdateAgain begins anew.
//
// A silver table gets rows of deleted versions back, which RemoveAgain takes out.
func Rollback(ctx context.Context, l *lake.Lake, t *lake.Table, to *table.Snapshot) error {
	if t.SnapshotID() == to.SnapshotID {
		return nil
	}
	if tables.Rekeyed(t.Meta, to) {
		return fmt.Errorf("%s has had another key since snapshot %d, whose rows are others: `reactor query --snapshot %s=%d` shows them; to have the former key again, put it into the definition and make the table anew: reactor replay --dataset SOURCE/DATASET --anew --branch NAME",
			t.Name, to.SnapshotID, t.Name, to.SnapshotID)
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

// AfterRollback tells people what becomes of a table that is rolled back to a snapshot. t is the table before.
func AfterRollback(t *lake.Table, to *table.Snapshot) string {
	name := t.Name
	if tables.MadeBefore(t.Meta, to) {
		return name + " is rolled back to rows that were made by a former definition: the reactor reads its objects again at once, and then it is what its definition of now gives; `reactor query --snapshot " + name + "=" + strconv.FormatInt(to.SnapshotID, 10) + "` shows those rows without a rollback"
	}
	if namespace.Gold.Has(name) {
		return name + " is rolled back until gold is computed next (a change of silver, a start of the reactor, or `reactor replay`): then it is made anew from silver"
	}
	return name + " is rolled back and gold follows it; `reactor replay` brings the rows of bronze back, and until then `reactor check` says what is missing"
}
