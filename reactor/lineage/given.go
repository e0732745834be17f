package lineage

import (
	"context"
	"fmt"
	"slices"

	"millrace/reactor/duck"
	"millrace/reactor/event"
	"millrace/reactor/intake"
	"millrace/reactor/lake"
	"millrace/reactor/reconcile"
	"millrace/reactor/silver"
	"millrace/reactor/silver/datasets"
)

// comparedBytes bounds the objects that a trace decodes. Rows of objects beyond it are taken as they are.
const comparedBytes = 16 << 20

// altered tells whether rows in the table found differ from those that their object gives: then somebody else wrote them, whatever
// their lineage says. left is how many bytes of objects may still be decoded.
func (w walk) altered(ctx context.Context, t *lake.Table, s source, left *int64) (bool, error) {
	all := datasets.All()
	i := slices.IndexFunc(all, func(d *silver.Dataset) bool { return d.TableName() == t.Name })
	if i < 0 {
		return false, nil
	}
	p, there, err := reconcile.Present(ctx, w.Bucket, s.key, s.version)
	if err != nil || !there || !p.Is(s.modifiedAt) {
		return false, err
	}
	if *left -= p.Object.Size; *left < 0 {
		return false, nil
	}
	p.Object.ModifiedAt = s.modifiedAt
	conn, err := w.db.Connect()
	if err != nil {
		return false, err
	}
	defer conn.Close()
	refused, err := w.db.Connect()
	if err != nil {
		return false, err
	}
	defer refused.Close()
	in := intake.Intake{Client: w.Bucket.Client, Dataset: all[i], Rows: conn, Rejected: refused}
	if err := in.Begin(ctx); err != nil {
		return false, err
	}
	errs, err := in.Fill(ctx, []event.Object{p.Object})
	if err != nil {
		return false, err
	}
	if errs[0] != nil { // it cannot be read any more: `reactor check` tells of it
		return false, ctx.Err()
	}
	columns := duck.Identifiers("", lake.ColumnNames(all[i].Schema()))
	n, err := conn.Ints(ctx, fmt.Sprintf("select count(*) from (select %[1]s from found where source_key = %[2]s and source_version = %[3]s and %[4]s except select %[1]s from incoming)",
		columns, duck.Quote(s.key), duck.Quote(s.version), w.condition(t)))
	if err != nil {
		return false, fmt.Errorf("compare rows of %s with %s: %w", t.Name, s.key, err)
	}
	return n[0] > 0, nil
}
