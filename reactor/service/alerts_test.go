package service

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

// expression fails the test when Prometheus would not take it.
func expression(t *testing.T, where, text string) {
	t.Helper()
	text = strings.NewReplacer("$__rate_interval", "5m").Replace(text)
	if _, err := parser.ParseExpr(text); err != nil {
		t.Errorf("%s: %q: %v", where, text, err)
	}
}

func TestAlertRulesAreRules(t *testing.T) {
	file, err := os.Open("../../infra/prometheus/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	var rules struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	d := yaml.NewDecoder(file)
	d.KnownFields(true) // as Prometheus does: a misspelt field is an error
	if err := d.Decode(&rules); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			expression(t, r.Alert, r.Expr)
			if r.Alert == "" || seen[r.Alert] || r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["action"] == "" {
				t.Errorf("alert %q has no name of its own, severity, summary or action", r.Alert)
			}
			seen[r.Alert] = true
		}
	}
	for _, needed := range []string{"MillraceLag", "MillraceDeadLetters", "MillraceNotReady", "MillraceMissedEvents", "MillraceGoldBehind", "MillraceMemory", "MillraceDiskFull"} {
		if !seen[needed] {
			t.Errorf("there is no alert %s", needed)
		}
	}
}

func TestTheDashboardAsksWhatPrometheusUnderstands(t *testing.T) {
	text, err := os.ReadFile("../../infra/grafana/millrace.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			ID      int
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	ids := map[int]bool{}
	for _, p := range dashboard.Panels {
		if ids[p.ID] {
			t.Errorf("panel %q has the number of another one", p.Title)
		}
		ids[p.ID] = true
		for _, target := range p.Targets {
			expression(t, p.Title, target.Expr)
		}
	}
}
