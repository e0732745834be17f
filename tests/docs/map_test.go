package docs

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var mapped = regexp.MustCompile("^\\| ((?:`[^`]+`(?:, )?)+) \\| .+ \\|$")

// The folders of the map's lines are the folders of the repository: each with Go files has a line, each line a folder.
func TestTheMapOfThePackagesIsComplete(t *testing.T) {
	p, err := readPage(filepath.Join(root, "docs/architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	lines, inside := map[string]int{}, false
	for _, l := range p.prose {
		if strings.HasPrefix(l.text, "## ") {
			inside = l.text == "## The map of the packages"
		}
		m := mapped.FindStringSubmatch(l.text)
		if !inside || m == nil {
			continue
		}
		for _, folder := range inlineCode.FindAllString(m[1], -1) {
			lines[strings.Trim(folder, "`")] = l.number
		}
	}
	for folder, number := range lines {
		if info, err := os.Stat(filepath.Join(root, folder)); err != nil || !info.IsDir() {
			t.Errorf("%s:%d: there is no folder %s", p.path, number, folder)
		}
	}
	for _, folder := range slices.Sorted(maps.Keys(goFolders(t))) {
		if lines[folder] == 0 {
			t.Errorf("%s has no line for %s: say in a few words what it is", p.path, folder)
		}
	}
}

func goFolders(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, part := range []string{"ingestor", "reactor", "infra", "tests"} {
		err := filepath.WalkDir(filepath.Join(root, part), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() && d.Name() == "testdata" {
				return fs.SkipDir
			}
			if err == nil && filepath.Ext(path) == ".go" {
				folder, err := filepath.Rel(root, filepath.Dir(path))
				found[filepath.ToSlash(folder)] = true
				return err
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}
