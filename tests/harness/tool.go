package harness

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Tool returns a program of other people's that tests/tools pins, by its package. It is built unless Go's cache has it.
func Tool(t testing.TB, path string) string {
	t.Helper()
	find := exec.Command("go", "tool", "-n", path)
	find.Dir = filepath.Join(Root(t), "tests", "tools")
	var said bytes.Buffer
	find.Stderr = &said
	program, err := find.Output()
	if err != nil {
		t.Fatalf("build %s in tests/tools: %v\n%s", path, err, &said)
	}
	return strings.TrimSpace(string(program))
}
