package lineage

import (
	"errors"
	"net/http"
	"strings"

	"millrace/reactor/console/web"
	"millrace/reactor/duck"
	"millrace/reactor/gold"
	"millrace/reactor/preview"
	"millrace/reactor/progress"
	"millrace/reactor/tables"
)

// memory that a plan may use to compare snapshots; beyond it rows spill to disk.
const memory = "64MiB"

// Plan is what a start would do in gold if a model had another text.
type Plan struct {
	Table string `json:"table"`
	File  string `json:"file"`
	SQL   string `json:"sql"`
	// Planned tells that a text was tried, Changed that it is not the present one.
	Planned bool `json:"planned"`
	Changed bool `json:"changed"`
	// Actions are those that `reactor plan` prints for gold.
	Actions []tables.Action `json:"actions"`
	// Wrong says why there cannot be a model of this text.
	Wrong string `json:"error,omitempty"`
}

func (p *Page) plan(r *http.Request) (Plan, error) {
	planned := Plan{Table: r.FormValue("table"), Actions: []tables.Action{}}
	m, ok := p.models.Model(planned.Table)
	if !ok {
		return planned, web.NotFound("no model makes a table %s", planned.Table)
	}
	planned.File, planned.SQL = m.File, m.SQL
	text := lines(r.FormValue("sql"))
	if text == "" {
		return planned, nil
	}
	planned.SQL, planned.Planned, planned.Changed = text, true, text != lines(m.SQL)
	ctx := r.Context()
	set, err := p.models.With(ctx, m.Name, planned.SQL)
	if planned.Wrong = refusal(err); planned.Wrong != "" {
		return planned, nil
	}
	if err != nil {
		return planned, err
	}
	start := preview.Start{Lake: p.lake, Bucket: p.bucket, Models: set, Memory: memory, Show: progress.Silent}
	actions, err := start.Gold(ctx)
	planned.Actions = append(planned.Actions, actions...)
	return planned, err
}

// lines makes the line ends of a text those of a file: a browser's text area gives others.
func lines(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }

// refusal says what is wrong with a model's text; "" if nothing is, or if the error is another one.
func refusal(err error) string {
	var refused *gold.Refusal
	var sql *duck.Error
	if errors.As(err, &refused) || errors.As(err, &sql) {
		return err.Error()
	}
	return ""
}
