package layout

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/licensecheck"
)

// linkable lists the licences whose code Apache-2.0 software may link: the program keeps its own licence. MPL-2.0 asks that
// changes to its own files are published, so modules under it must stay as they come.
var linkable = []string{
	"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "blessing", "BSL-1.0", "CC0-1.0", "ICU", "ISC", "MIT", "MIT-0", "MPL-2.0", "Unlicense", "Zlib",
}

// recognised is the share of a licence file, in percent, that must be the text of known licences. Copyright lines and the
// names of the parts are the rest. pkg.go.dev uses the same figure.
const recognised = 75

// classify names the licences in a text. What it does not know, or Apache-2.0 software may not link, is an error.
func classify(text []byte) ([]string, error) {
	found := licensecheck.Scan(text)
	var ids []string
	for _, match := range found.Match {
		ids = append(ids, match.ID)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	for _, id := range ids {
		if !slices.Contains(linkable, id) {
			return ids, fmt.Errorf("Apache-2.0 software may not link %s", id)
		}
	}
	if found.Percent < recognised {
		return ids, fmt.Errorf("only %.0f %% of the text are licences that are known here", found.Percent)
	}
	return ids, nil
}

// component is something of others that the programs hold.
type component struct {
	name, version string
	licences      []string
}

// linkedModule is a module, and the folders of its packages that the programs link.
type linkedModule struct {
	component
	dir      string
	packages []string
	replaced bool
}

// linkedModules asks the go command what the programs link on Linux. Elsewhere they link a module less.
func linkedModules(t *testing.T) (standard string, modules []*linkedModule) {
	t.Helper()
	list := exec.Command("go", "list", "-deps", "-json=Dir,Root,Standard,Module", "millrace/ingestor", "millrace/reactor", "millrace/infra/local")
	list.Env = append(os.Environ(), "GOOS=linux", "CGO_ENABLED=1")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("list what the programs link: %v", err)
	}
	byPath := map[string]*linkedModule{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			Dir, Root string
			Standard  bool
			Module    *struct {
				Path, Version, Dir string
				Main               bool
				Replace            *struct{ Path string }
			}
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		switch m := p.Module; {
		case p.Standard:
			standard = p.Root
		case m == nil || m.Main:
		default:
			if byPath[m.Path] == nil {
				byPath[m.Path] = &linkedModule{component: component{name: m.Path, version: m.Version}, dir: m.Dir, replaced: m.Replace != nil}
				modules = append(modules, byPath[m.Path])
			}
			byPath[m.Path].packages = append(byPath[m.Path].packages, p.Dir)
		}
	}
	slices.SortFunc(modules, func(a, b *linkedModule) int { return strings.Compare(a.name, b.name) })
	return standard, modules
}

var licenceFile = regexp.MustCompile(`(?i)^(un)?(licen[cs]e|copying)([-._].*)?$`)

// licenceFiles finds the licences of a module and of its linked packages: a package may be others' code under another licence.
func (m linkedModule) licenceFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	seen := map[string]bool{}
	for _, dir := range append([]string{m.dir}, m.packages...) {
		for ; !seen[dir]; dir = filepath.Dir(dir) {
			seen[dir] = true
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Fatalf("look for the licence of %s: %v", m.name, err)
			}
			for _, entry := range entries {
				if name := entry.Name(); licenceFile.MatchString(name) && filepath.Ext(name) != ".go" && !entry.IsDir() {
					files = append(files, filepath.Join(dir, name))
				}
			}
			if dir == m.dir {
				break
			}
		}
	}
	return files
}

// classifyFiles names the licences in some files together.
func classifyFiles(t *testing.T, whose string, files []string) (ids []string) {
	t.Helper()
	if len(files) == 0 {
		t.Errorf("%s has no file with its licence: it may not be linked", whose)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatalf("read the licence of %s: %v", whose, err)
		}
		here, err := classify(text)
		if err != nil {
			t.Errorf("%s: %s: %v", whose, file, err)
		}
		ids = append(ids, here...)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func TestTheProgramsLinkOnlyWhatApacheSoftwareMay(t *testing.T) {
	standard, modules := linkedModules(t)
	linked := []component{{"Go's standard library", "the toolchain's", classifyFiles(t, "Go", []string{filepath.Join(standard, "LICENSE")})}}
	for _, m := range modules {
		m.licences = classifyFiles(t, m.name, m.licenceFiles(t))
		if m.replaced && slices.Contains(m.licences, "MPL-2.0") {
			t.Errorf("%s is replaced in go.mod: code under MPL-2.0 stays as it comes", m.name)
		}
		// DuckDB comes in one module for each platform.
		m.name = regexp.MustCompile(`^(github.com/duckdb/duckdb-go-bindings/lib)/.*`).ReplaceAllString(m.name, "$1/…")
		linked = append(linked, m.component)
		switch {
		case strings.HasPrefix(m.name, "github.com/duckdb/duckdb-go-bindings/lib"):
			linked = append(linked, duckDB(t, *m)...)
		case m.name == "github.com/mattn/go-sqlite3":
			linked = append(linked, sqlite(t, *m))
		}
	}
	linked = append(linked, bundled(t)...)
	for _, c := range linked {
		t.Logf("%-62s %-54s %s", c.name, c.version, strings.Join(c.licences, ", "))
	}
	holdThirdParty(t, linked)
}

// The texts are those that licensecheck tests itself with: a line of its own format or two, an empty line, the text.
func TestClassify(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/google/licensecheck").Output()
	if err != nil {
		t.Fatalf("find the texts of licences: %v", err)
	}
	text := func(name string) string {
		whole, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "testdata", name+".t1"))
		if err != nil {
			t.Fatal(err)
		}
		_, licence, _ := strings.Cut(string(whole), "\n\n")
		return licence
	}
	for _, tt := range []struct{ name, text, err string }{
		{"MIT", text("MIT"), ""},
		{"MPL", text("MPL-2.0"), ""},
		{"two that go", text("MIT") + "\n\n" + text("Apache-2.0"), ""},
		{"AGPL", text("AGPL-3.0"), "may not link AGPL-3.0"},
		{"GPL", text("GPL-3.0"), "may not link GPL-3.0"},
		{"LGPL, which Go's static linking breaks", text("LGPL-3.0"), "may not link LGPL-3.0"},
		{"SSPL", text("SSPL-1.0"), "may not link SSPL-1.0"},
		{"not for trade", text("CC-BY-NC-4.0"), "may not link CC-BY-NC-4.0"},
		{"MIT with a clause that takes it back", text("CommonsClause") + "\n\n" + text("MIT"), "may not link CommonsClause"},
		{"two of which one does not go", text("MIT") + "\n\n" + text("AGPL-3.0"), "may not link AGPL-3.0"},
		{"unknown, as BUSL is", "Business Source License 1.1\nThe Licensor grants the right to make non-production use of the Licensed Work.", "only 0 %"},
		{"nothing", "", "only 0 %"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ids, err := classify([]byte(tt.text))
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%v, %v; want %q", ids, err, tt.err)
			}
		})
	}
}
