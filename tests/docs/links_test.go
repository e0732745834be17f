package docs

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// Addresses of other sites are not asked: the tests need no network.
func TestEveryLinkLeadsSomewhere(t *testing.T) {
	all := map[string]page{}
	for _, p := range pages(t) {
		all[p.path] = p
	}
	checked := 0
	for _, p := range all {
		for _, l := range p.prose {
			for _, m := range link.FindAllStringSubmatch(inlineCode.ReplaceAllString(l.text, ""), -1) {
				if strings.Contains(m[1], "://") {
					continue
				}
				checked++
				target, fragment, _ := strings.Cut(m[1], "#")
				to := p.path
				if target != "" {
					to = path.Join(path.Dir(p.path), target)
				}
				if _, err := os.Stat(filepath.Join(root, to)); err != nil {
					t.Errorf("%s:%d links to %s, which is not there", p.path, l.number, m[1])
					continue
				}
				if fragment != "" && !all[to].anchors()[fragment] {
					t.Errorf("%s:%d links to %s, and %s has no such heading", p.path, l.number, m[1], to)
				}
			}
		}
	}
	if checked < 50 {
		t.Errorf("only %d links were found", checked)
	}
}

var mentioned = regexp.MustCompile(`\bdocs/[A-Za-z0-9_/.-]*\.md\b`)

// Comments name documents by their path from the root.
func TestDocumentsThatCommentsNameAreThere(t *testing.T) {
	for _, folder := range []string{"ingestor", "reactor", "infra", "airflow", "tests"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(file string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			switch filepath.Ext(file) {
			case ".go", ".sql", ".py", ".sh", ".yaml", ".yml":
			default:
				return nil
			}
			text, err := os.ReadFile(file)
			for _, name := range mentioned.FindAllString(string(text), -1) {
				if _, missing := os.Stat(filepath.Join(root, name)); missing != nil {
					t.Errorf("%s names %s, which is not there", file, name)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

var (
	namedTest = regexp.MustCompile("`(Test[A-Z][A-Za-z0-9]*)`")
	ownTest   = regexp.MustCompile(`(?m)^func (Test[A-Z][A-Za-z0-9]*)\(`)
)

func TestTestsThatDocumentsNameAreThere(t *testing.T) {
	there := map[string]bool{}
	for folder := range goFolders(t) {
		files, err := filepath.Glob(filepath.Join(root, folder, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range ownTest.FindAllStringSubmatch(string(text), -1) {
				there[m[1]] = true
			}
		}
	}
	for _, p := range pages(t) {
		for _, l := range p.prose {
			for _, m := range namedTest.FindAllStringSubmatch(l.text, -1) {
				if !there[m[1]] {
					t.Errorf("%s:%d names the test %s, which is not there", p.path, l.number, m[1])
				}
			}
		}
	}
}

func TestTheREADMEIsShort(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "\n"); n > 100 {
		t.Errorf("README.md has %d lines: 100 are enough, and docs/ has room", n)
	}
}
