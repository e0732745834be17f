package command

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"millrace/infra/cli"
	"millrace/ingestor/bronze"
	"millrace/reactor/gold"
	"millrace/reactor/gold/plan"
	"millrace/reactor/query"
)

type auditCmd struct {
	lakeFlags
	modelFlags
	From bronze.Day `placeholder:"YYYY-MM-DD" help:"First day (default: all)."`
	To   bronze.Day `placeholder:"YYYY-MM-DD" help:"Last day, included (default: all)."`
}

func (*auditCmd) Help() string {
	return `Runs every audit, with those of MILLRACE_MODELS, over gold as it is committed now. The reactor audits its own rows before it commits them; this command finds wrong rows of other engines, and wrong rows of older days for a new audit. The exit code is 1 if an audit finds rows.

Example:

  reactor audit --from 2026-01-01 --to 2026-01-31`
}

func (c *auditCmd) Run(ctx context.Context, out *cli.Output) error {
	days, err := c.days()
	if err != nil {
		return err
	}
	return c.withLake(ctx, func(l opened) error {
		set, err := c.load(ctx)
		if err != nil {
			return err
		}
		findings, err := query.Audit(ctx, l.Lake, set, days)
		if err != nil {
			return err
		}
		return printFindings(out, findings)
	})
}

// From 0001-01-01 to 9999-12-31: another engine can have written anything.
const firstDay, lastDay = plan.Day(-719162), plan.Day(2932896)

// days are those of the flags, or all that a table can have.
func (c *auditCmd) days() (plan.Range, error) {
	days := plan.Range{From: firstDay, To: lastDay}
	if !c.From.IsZero() {
		days.From = plan.Day(c.From.Unix())
	}
	if !c.To.IsZero() {
		days.To = plan.Day(c.To.Unix())
	}
	if days.Len() == 0 {
		return days, cli.Usage("--from %s is after --to %s", c.From, c.To)
	}
	return days, nil
}

// shownRows is how many of the rows that break an audit fit into its line.
const shownRows = 3

// printFindings prints a line for each audit; an error names those that found rows, and makes the exit code 1.
func printFindings(out *cli.Output, findings []gold.Finding) error {
	var lines [][]any
	var broken []string
	for _, f := range findings {
		lines = append(lines, []any{f.Audit, f.Of, f.Total, firstRows(f)})
		if f.Total > 0 {
			broken = append(broken, fmt.Sprintf("%s of %s (%d rows)", f.Audit, f.Of, f.Total))
		}
	}
	if err := out.Table([]string{"audit", "of", "rows", "first_rows"}, lines); err != nil {
		return err
	}
	if len(broken) > 0 {
		return errors.New("gold has rows that break " + strings.Join(broken, ", "))
	}
	return nil
}

// firstRows abbreviates the rows of a finding.
func firstRows(f gold.Finding) string {
	var rows []string
	for i := range min(len(f.Rows), shownRows) {
		rows = append(rows, f.Row(i))
	}
	if f.Total > int64(len(rows)) {
		rows = append(rows, "…")
	}
	return strings.Join(rows, "; ")
}
