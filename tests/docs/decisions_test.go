package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const decisionsFolder = "docs/decisions"

// decision is what the first lines of its file say.
type decision struct {
	file, title, theme, status, date string
}

var (
	decisionName = regexp.MustCompile(`^(\d{4}-\d{2}-\d{2})-[a-z0-9-]+\.md$`)
	decisionHead = regexp.MustCompile(`^# (.+)\n\nTheme: ([a-z]+) · Status: (accepted|rejected|superseded by .+) · Date: (\d{4}-\d{2}-\d{2})\n\n\S`)
)

func TestGeneratedIndexOfDecisions(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join(root, decisionsFolder))
	if err != nil {
		t.Fatal(err)
	}
	byTheme := map[string][]decision{}
	var themes []string
	for _, e := range entries {
		if e.Name() == "README.md" {
			continue
		}
		d := readDecision(t, e.Name())
		if !slices.Contains(themes, d.theme) {
			themes = append(themes, d.theme)
		}
		byTheme[d.theme] = append(byTheme[d.theme], d)
	}
	slices.Sort(themes)
	var b strings.Builder
	for _, theme := range themes {
		fmt.Fprintf(&b, "## %s%s\n\n", strings.ToUpper(theme[:1]), theme[1:])
		for _, d := range byTheme[theme] { // by date, as files are named
			fmt.Fprintf(&b, "- %s [%s](%s)", d.date, d.title, d.file)
			if d.status != "accepted" {
				fmt.Fprintf(&b, ": %s", d.status)
			}
			b.WriteString("\n")
		}
		b.WriteString("\n")
	}
	hold(t, decisionsFolder+"/README.md", "index", b.String())
}

func readDecision(t *testing.T, name string) decision {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, decisionsFolder, name))
	if err != nil {
		t.Fatal(err)
	}
	file, head := decisionName.FindStringSubmatch(name), decisionHead.FindStringSubmatch(string(text))
	if file == nil || head == nil {
		t.Fatalf("%s/%s must be named YYYY-MM-DD-slug.md, and begin with `# Title` and, after an empty line, `Theme: … · Status: … · Date: …`", decisionsFolder, name)
	}
	if file[1] != head[4] {
		t.Errorf("%s/%s is named for %s, and says %s", decisionsFolder, name, file[1], head[4])
	}
	return decision{file: name, title: head[1], theme: head[2], status: head[3], date: head[4]}
}
