//go:build interop

package interop_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millrace/tests/harness"
)

// page is the document that tells users how their engines open the lake.
func page(t testing.TB) string {
	t.Helper()
	return filepath.Join(harness.Root(t), "docs", "interop.md")
}

// blockOf is the text of a block of the page, between ```python interop NAME and the next fence.
func blockOf(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(page(t))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "\n```python interop "+name+"\n")
	block, _, ended := strings.Cut(rest, "\n```\n")
	if !found || !ended {
		t.Fatalf("docs/interop.md has no block %q", name)
	}
	return block + "\n"
}
