package main

import (
	"context"
	"errors"
	"strings"

	"github.com/minio/minio-go/v7"

	"millrace/infra/cli"
	"millrace/ingestor/bronze"
	"millrace/reactor/duck"
	"millrace/reactor/gold/plan"
	"millrace/reactor/lake"
)

type auditCmd struct {
	lakeFlags
	modelFlags
	From bronze.Day `placeholder:"DAY" help:"First day (default: all)."`
	To   bronze.Day `placeholder:"DAY" help:"Last day, included (default: all)."`
}

func (*auditCmd) Help() string {
	return "Each commit is audited before it is made; this looks at what other engines may have written since. Exit code 1 when rows break an audit.\n\nExample:\n\n  reactor audit --from 2026-01-01 --to 2026-01-31"
}

// errAudit makes the exit code 1.
var errAudit = errors.New("gold has rows that break an audit")

func (c *auditCmd) Run(ctx context.Context, out *cli.Output) error {
	days := plan.Range{From: 0, To: 1 << 16} // beyond any day that silver takes
	for _, end := range []struct {
		given bronze.Day
		day   *plan.Day
	}{{c.From, &days.From}, {c.To, &days.To}} {
		if end.given.IsZero() {
			continue
		}
		day, err := plan.ParseDay(end.given.String())
		if err != nil {
			return cli.Usage("%w", err)
		}
		*end.day = day
	}
	if days.From > days.To {
		return cli.Usage("--from %s is after --to %s", c.From, c.To)
	}
	return c.withLake(ctx, func(l *lake.Lake, _ *minio.Client) error {
		set, err := c.load(ctx)
		if err != nil {
			return err
		}
		var all []string
		for _, in := range set.Inputs {
			all = append(all, in.Name)
		}
		for _, m := range set.Models {
			all = append(all, m.Name)
		}
		return (&queryCmd{SQL: strings.Join(all, " ")}).over(ctx, l, func(conn *duck.Conn) error {
			findings, err := set.Audit(ctx, conn, plan.Of(days))
			if err != nil {
				return err
			}
			broken := false
			var rows [][]any
			for _, f := range findings {
				rows = append(rows, []any{f.Audit, f.Of, f.Rows})
				broken = broken || f.Rows > 0
			}
			if err := out.Table([]string{"audit", "of", "rows"}, rows); err != nil {
				return err
			}
			if broken {
				return errAudit
			}
			return nil
		})
	})
}
