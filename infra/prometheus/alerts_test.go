// Package prometheus holds the scrape configuration and the alert rules for Prometheus; its tests hold them, and Grafana's dashboard, to what Prometheus takes.
package prometheus

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// expressions are PromQL texts, each with the place it is from.
type expressions struct{ where, text []string }

func (e *expressions) add(where, text string) {
	e.where = append(e.where, where)
	// The program that reads them takes one a line. To PromQL a line's end is a space.
	text = strings.ReplaceAll(text, "\n", " ")
	e.text = append(e.text, strings.ReplaceAll(text, "$__rate_interval", "5m"))
}

// check fails the test for each that Prometheus's own parser does not take. The parser is in a program of tests/tools.
func (e *expressions) check(t *testing.T) {
	t.Helper()
	parse := exec.Command("go", "tool", "promql")
	parse.Dir = "../../tests/tools"
	parse.Stdin = strings.NewReader(strings.Join(e.text, "\n") + "\n")
	var said bytes.Buffer
	parse.Stderr = &said
	out, err := parse.Output()
	if err != nil {
		t.Fatalf("run Prometheus's parser in tests/tools: %v\n%s", err, &said)
	}
	answers := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(answers) != len(e.text) {
		t.Fatalf("Prometheus's parser gave %d answers for %d expressions:\n%s", len(answers), len(e.text), out)
	}
	for i, answer := range answers {
		if answer != "" {
			t.Errorf("%s: %q: %s", e.where[i], e.text[i], answer)
		}
	}
}

func TestAlertRulesAreRules(t *testing.T) {
	file, err := os.Open("alerts.yaml")
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
	var all expressions
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			all.add(r.Alert, r.Expr)
			if r.Alert == "" || seen[r.Alert] || r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["action"] == "" {
				t.Errorf("alert %q has no name of its own, severity, summary or action", r.Alert)
			}
			seen[r.Alert] = true
		}
	}
	all.check(t)
	for _, needed := range []string{"MillraceLag", "MillraceDeadLetters", "MillraceNotReady", "MillraceMissedEvents", "MillraceGoldBehind", "MillraceMemory", "MillraceDiskFull", "MillraceDrift"} {
		if !seen[needed] {
			t.Errorf("there is no alert %s", needed)
		}
	}
}

func TestTheDashboardAsksWhatPrometheusUnderstands(t *testing.T) {
	text, err := os.ReadFile("../grafana/millrace.json")
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
	var all expressions
	for _, p := range dashboard.Panels {
		if ids[p.ID] {
			t.Errorf("panel %q has the number of another one", p.Title)
		}
		ids[p.ID] = true
		for _, target := range p.Targets {
			all.add(p.Title, target.Expr)
		}
	}
	all.check(t)
}
