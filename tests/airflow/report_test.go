//go:build airflow

package airflow

import (
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"

	s3 "github.com/minio/minio-go/v7"

	"millrace/tests/harness"
)

func (l *lakehouse) report(t *testing.T) {
	prefix := "reports/gold/" + day(0) + "/"
	read := func(name string) string {
		o, err := l.Client().GetObject(t.Context(), l.Bucket(), prefix+name, s3.GetObjectOptions{})
		if err != nil {
			return ""
		}
		defer func() { _ = o.Close() }()
		text, _ := io.ReadAll(o) // absent until the DAG has run
		return string(text)
	}
	harness.Eventually(t, "the report of today", func() bool { return strings.Contains(read("report.md"), "| 1 | bitcoin |") })
	for _, want := range []string{"# The market on " + day(0), "bn USD", "](chart.svg)"} {
		if !strings.Contains(read("report.md"), want) {
			t.Errorf("the report lacks %q:\n%s", want, read("report.md"))
		}
	}
	for _, row := range l.tables(t) {
		if !strings.Contains(read("report.md"), "| "+row.Table+" | ") {
			t.Errorf("the report does not list %s:\n%s", row.Table, read("report.md"))
		}
	}
	if svg := read("chart.svg"); !strings.Contains(svg, "<svg") || !strings.Contains(svg, "bitcoin") {
		t.Errorf("the chart is none: %.200s", svg)
	}
}

type table struct{ Table string }

// tables returns the lake's gold tables.
func (l *lakehouse) tables(t *testing.T) []table {
	t.Helper()
	var all []table
	r := l.Run(t, "reactor", "tables", "--output", "json")
	if err := json.Unmarshal([]byte(r.Stdout), &all); err != nil {
		t.Fatalf("%v: %s", err, r)
	}
	all = slices.DeleteFunc(all, func(one table) bool { return !strings.HasPrefix(one.Table, "gold.") })
	if len(all) == 0 {
		t.Fatal("the lake has no table of gold")
	}
	return all
}
