//go:build interop

package interop_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"millrace/infra/files"
)

var update = flag.Bool("update", false, "write the table of engines in docs/interop.md anew")

// ability is something that an engine may be able to do with the lake's tables; a column of the table in docs/interop.md.
type ability string

const (
	reads      ability = "reads all tables"
	atSnapshot ability = "at a snapshot"
	atTag      ability = "at a tag"
	atTime     ability = "at a time"
	appends    ability = "appends"
	merges     ability = "merges"
	deletes    ability = "deletes"
	grows      ability = "adds a column"
	branches   ability = "writes to a branch"
)

var abilities = []ability{reads, atSnapshot, atTag, atTime, appends, merges, deletes, grows, branches}

// seen is what the engines did in this run, by engine and ability.
type seen map[string]map[ability]string

// note remembers what an engine did.
func (s seen) note(engine string, a ability, did string) {
	if s[engine] == nil {
		s[engine] = map[ability]string{}
	}
	s[engine][a] = did
}

// line is an engine's line of the table.
func (s seen) line(e rested) string {
	line := fmt.Sprintf("| %s | %s |", e.name, e.block)
	for _, a := range abilities {
		line += " " + s[e.name][a] + " |"
	}
	return line + "\n"
}

// table is the table of what was seen.
func (s seen) table(engines []rested) string {
	var b strings.Builder
	b.WriteString("| engine | block |")
	for _, a := range abilities {
		b.WriteString(" " + string(a) + " |")
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(abilities)) + "\n")
	for _, e := range engines {
		b.WriteString(s.line(e))
	}
	return b.String()
}

// hold compares the table in the page with what was seen, or writes it. Where a few engines were tried only, it compares their lines.
func (s seen) hold(t *testing.T, engines []rested) {
	t.Helper()
	const begin, end = "<!-- generated: engines -->\n", "<!-- end: engines -->\n"
	text, err := os.ReadFile(page(t))
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	was, after, ended := strings.Cut(rest, end)
	if !ok || !ended {
		t.Fatalf("docs/interop.md lacks the lines %q and %q", begin, end)
	}
	if len(s) < len(engines) {
		for _, e := range engines {
			if line := s.line(e); s[e.name] != nil && !strings.Contains(was, "\n"+line) {
				t.Errorf("the table of engines in docs/interop.md is not what this run saw: %s", line)
			}
		}
		return
	}
	want := "\n" + s.table(engines) + "\n"
	if was == want {
		return
	}
	if !*update {
		t.Errorf("the table of engines in docs/interop.md is not what this run saw: `go tool task test:interop -- -update` writes\n%s", want)
		return
	}
	if err := files.Replace(page(t), []byte(before+begin+want+end+after)); err != nil {
		t.Fatal(err)
	}
}
