package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"millrace/reactor/console/tables"
)

// The console's blocks for other programs are not run by a test of their own: each begins with what docs/interop.md has, whose blocks
// `go tool task test:interop` runs.
func TestTheConsolesBlocksAreThoseOfTheDocument(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "interop.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	blocks := map[string]string{}
	for _, found := range regexp.MustCompile("(?s)```python interop (\\S+)[^\n]*\n(.*?)```").FindAllStringSubmatch(page, -1) {
		blocks[found[1]] = found[2]
	}
	for _, e := range tables.Known {
		block, ok := blocks[e.Doc]
		if !ok {
			t.Errorf("docs/interop.md has no block %s", e.Doc)
		}
		if !strings.HasPrefix(block, e.Setup) {
			t.Errorf("the console's block for %s begins with\n%s\nand that of docs/interop.md is\n%s", e.Name, e.Setup, block)
		}
		if !strings.Contains(page, e.Install) {
			t.Errorf("docs/interop.md does not say %s", e.Install)
		}
	}
	if line := tables.Psql(tables.PostgresAddress, "gold.rankings"); !strings.Contains(page, line) {
		t.Errorf("docs/interop.md does not have the line %s", line)
	}
}
