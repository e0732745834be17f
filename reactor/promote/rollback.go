package promote

import (
	"context"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"millrace/reactor/lake"
)

// Rollback makes an earlier snapshot of a table the current one.
//
// A table of gold loses the digest of its model with it: another model may have made those rows, and the pins say nothing
// of them, so the next step computes all of its days. Without that a rolled-back table would stay so wherever silver does
// not happen to change.
//
// A table of silver gets rows of deleted versions back, which RemoveAgain takes out.
func Rollback(ctx context.Context, l *lake.Lake, t *lake.Table, to *table.Snapshot) error {
	if t.SnapshotID() == to.SnapshotID {
		return nil
	}
	var properties iceberg.Properties
	if strings.HasPrefix(t.Name, "gold.") && t.Meta.Properties()[digestProperty] != "" {
		properties = iceberg.Properties{digestProperty: rolledBack}
	}
	return l.Rollback(ctx, t, to, properties, letGo(t))
}

// rolledBack stands where the digest of a model was: no model has it.
const rolledBack = "rolled back"

// RolledBack tells whether a table of gold is rolled back and still waits for the step that computes it anew.
func RolledBack(view *lake.View) bool {
	for _, t := range view.Tables {
		if t.Meta.Properties()[digestProperty] == rolledBack {
			return true
		}
	}
	return false
}
