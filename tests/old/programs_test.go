//go:build old

package old

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"millrace/tests/harness"
)

// The flags say which release the old one is.
var (
	commit   = flag.String("commit", "664d465", "whose programs make the lake; the clone must have it")
	programs = flag.String("programs", "", "folder with that commit's programs, built already")
)

// oldPrograms builds the programs of the old commit, from a work tree of its own.
func oldPrograms(t *testing.T) string {
	t.Helper()
	if *programs != "" {
		dir, err := filepath.Abs(*programs)
		if err != nil {
			t.Fatal(err)
		}
		return dir
	}
	root, tree, bin := harness.Root(t), filepath.Join(t.TempDir(), "tree"), t.TempDir()
	run := func(dir, name string, args ...string) {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", cmd, err, out)
		}
	}
	if err := exec.Command("git", "-C", root, "cat-file", "-e", *commit+"^{commit}").Run(); err != nil {
		t.Fatalf("this clone does not have commit %s: `git fetch --unshallow` brings it", *commit)
	}
	run(root, "git", "worktree", "add", "--detach", tree, *commit)
	t.Cleanup(func() {
		if out, err := exec.Command("git", "-C", root, "worktree", "remove", "--force", tree).CombinedOutput(); err != nil {
			t.Errorf("remove the work tree: %v\n%s", err, out)
		}
	})
	for name, from := range map[string]string{"stack": "./infra/local", "ingestor": "./ingestor", "reactor": "./reactor"} {
		run(tree, "go", "build", "-o", filepath.Join(bin, name), from)
	}
	return bin
}

// copied is a copy of a home in which no stack runs.
func copied(t *testing.T, home string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "home")
	// Not os.CopyFS, which leaves out who may read a file: the stack refuses credentials that others can read.
	if out, err := exec.Command("cp", "-a", home, dir).CombinedOutput(); err != nil {
		t.Fatalf("copy the home: %v\n%s", err, out)
	}
	if _, err := os.Stat(filepath.Join(dir, "catalog.db")); err != nil {
		t.Fatal(err)
	}
	return dir
}
