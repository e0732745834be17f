//go:build interop

package interop_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"millrace/tests/harness"
)

// page is the document that tells users how their engines open the lake.
func page(t testing.TB) string {
	t.Helper()
	return filepath.Join(harness.Root(t), "docs", "interop.md")
}

var fence = regexp.MustCompile("(?ms)^```python interop ([a-z-]+)(?: after ([a-z-]+))?\n(.*?)^```$")

// blocks are the blocks of the page by name, each with the block that it says it comes after.
func blocks(t testing.TB) map[string]string {
	t.Helper()
	text, err := os.ReadFile(page(t))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, m := range fence.FindAllStringSubmatch(string(text), -1) {
		before := ""
		if m[2] != "" {
			if before = all[m[2]]; before == "" {
				t.Fatalf("docs/interop.md: the block %s comes after %s, which is not above it", m[1], m[2])
			}
		}
		all[m[1]] = before + m[3]
	}
	return all
}

// blockOf is the text of a block of the page, as a user would copy it.
func blockOf(t testing.TB, name string) string {
	t.Helper()
	text := blocks(t)[name]
	if text == "" {
		t.Fatalf("docs/interop.md has no block %q", name)
	}
	return text
}
