package command

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"millrace/infra/cli"
	"millrace/ingestor/landing"
)

// report prints what landed, also when the command failed after that; the failure stays the command's.
func report(out *cli.Output, results []landing.Landed, failed error) error {
	logOdd(results)
	if failed != nil && len(results) == 0 {
		return failed
	}
	if out.Format() == "table" {
		return errors.Join(failed, printShort(out, results))
	}
	headers := []string{"dataset", "asset", "from", "to", "items", "bytes", "outcome", "key", "reason"}
	rows := make([][]any, len(results))
	for i, r := range results {
		rows[i] = []any{r.Dataset, text(r.Subject), text(r.From.String()), text(r.To.String()), r.Items, r.Bytes, string(r.Outcome), text(r.Key), text(r.Reason)}
	}
	return errors.Join(failed, out.Table(headers, rows))
}

// printShort prints the columns that people want. A key says most of what the others do, and is what people copy.
func printShort(out *cli.Output, results []landing.Landed) error {
	rows := make([][]any, len(results))
	for i, r := range results {
		what := r.Key
		if what == "" {
			what = fmt.Sprintf("(%s of %s: %s)", r.Dataset, r.Subject, r.Reason)
		}
		rows[i] = []any{string(r.Outcome), r.Items, what}
	}
	return out.Table([]string{"outcome", "items", "key"}, rows)
}

// logOdd logs what has no data, was not asked for or is odd, a record for each reason: a script and a scheduler see keys alone.
func logOdd(results []landing.Landed) {
	const named = 10
	var reasons []string
	subjects := map[string][]string{}
	for _, r := range results {
		if r.Reason == "" {
			continue
		}
		if subjects[r.Reason] == nil {
			reasons = append(reasons, r.Reason)
		}
		subjects[r.Reason] = append(subjects[r.Reason], strings.TrimSpace(r.Subject+" "+r.From.String()))
	}
	for _, reason := range reasons {
		all := subjects[reason]
		slog.Warn("some data is missing or odd", "reason", reason, "answers", len(all), "first", strings.Join(all[:min(named, len(all))], ", "))
	}
}

// text makes nothing of "", so that it is null in JSON.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}
