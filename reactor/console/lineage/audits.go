package lineage

import (
	"net/http"
	"slices"
	"time"

	"millrace/reactor/console/web"
	"millrace/reactor/gold"
	"millrace/reactor/lake"
)

// audited is how many steps of a table the pages look at.
const audited = 100

// Audits are those of a gold table.
type Audits struct {
	Table string `json:"table"`
	// Audits are empty for a table that no model makes.
	Audits []Audit `json:"audits"`
	// Steps are the last ones in which the table's rows were audited, the newest first.
	Steps []Step `json:"steps"`
}

// Audit is a rule, and what it found last.
type Audit struct {
	Name string `json:"audit"`
	File string `json:"file"`
	SQL  string `json:"sql"`
	// Last is null while no step has audited.
	Last *Result `json:"last"`
}

// Result is what an audit found in a step.
type Result struct {
	Step int64     `json:"step"`
	At   time.Time `json:"at"`
	// Rows is how many break the rule, Shown the first of them.
	Rows  int64    `json:"rows"`
	Shown []string `json:"first_rows,omitempty"`
}

// Step is what all audits of a table found in one step. One that did not pass was not committed.
type Step struct {
	Step   int64     `json:"step"`
	At     time.Time `json:"at"`
	Passed bool      `json:"passed"`
	// Days is how many days were audited, From and To the first and the last.
	Days     int                 `json:"days"`
	From     string              `json:"from,omitempty"`
	To       string              `json:"to,omitempty"`
	Findings []lake.AuditFinding `json:"findings"`
}

// Broken are the findings that stopped the step.
func (s Step) Broken() []lake.AuditFinding {
	return slices.DeleteFunc(slices.Clone(s.Findings), func(f lake.AuditFinding) bool { return f.Rows == 0 })
}

func (p *Page) audits(r *http.Request) (Audits, error) {
	a := Audits{Table: r.URL.Query().Get("table"), Audits: []Audit{}, Steps: []Step{}}
	view, err := p.lake.View(r.Context())
	if err != nil {
		return a, err
	}
	if _, ok := view.Tables[a.Table]; !ok {
		return a, web.NotFound("there is no table %s", a.Table)
	}
	steps, err := p.lake.Audits(r.Context(), a.Table, audited)
	if err != nil {
		return a, err
	}
	for _, s := range steps {
		a.Steps = append(a.Steps, Step{Step: s.Step, At: s.At, Passed: s.Passed, Days: s.Days, From: s.First, To: s.Last, Findings: s.Findings})
	}
	if m, ok := p.models.Model(a.Table); ok {
		a.Audits = p.auditsOf(m, steps)
	}
	return a, nil
}

// auditsOf returns a model's audits with what they found last; steps are the last ones, the newest first.
func (p *Page) auditsOf(m *gold.Model, steps []lake.Audit) []Audit {
	audits := []Audit{}
	for _, one := range p.models.AuditsOf(m) {
		audits = append(audits, Audit{Name: one.Name, File: one.File, SQL: one.SQL, Last: lastOf(one.Name, steps)})
	}
	return audits
}

func lastOf(audit string, steps []lake.Audit) *Result {
	for _, s := range steps {
		for _, f := range s.Findings {
			if f.Audit == audit {
				return &Result{Step: s.Step, At: s.At, Rows: f.Rows, Shown: f.Shown}
			}
		}
	}
	return nil
}
