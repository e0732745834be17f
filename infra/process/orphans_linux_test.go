package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/procfs"
)

func TestAdoptedOrphansAreKilled(t *testing.T) {
	killAll, err := AdoptOrphans()
	if err != nil {
		t.Fatal(err)
	}
	// The sleeper has a session of its own, and its parent, the shell, ends at once.
	out, err := exec.Command("sh", "-c", "setsid sleep 60 >/dev/null 2>&1 & echo $!").Output()
	if err != nil {
		t.Fatal(err)
	}
	orphan := strings.TrimSpace(string(out))
	proc, err := procfs.NewDefaultFS()
	if err != nil {
		t.Fatal(err)
	}
	adopted := func() bool {
		return slices.ContainsFunc(children(proc, os.Getpid()), func(pid int) bool { return fmt.Sprint(pid) == orphan })
	}
	for deadline := time.Now().Add(10 * time.Second); !adopted(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("process %s did not become a child of this one", orphan)
		}
	}
	killAll()
	if left := children(proc, os.Getpid()); len(left) > 0 {
		t.Errorf("processes %v are left", left)
	}
}

// The name of a process is the program's to choose, brackets and numbers included.
func TestChildrenAreFoundByTheirParentWhateverTheirName(t *testing.T) {
	dir := t.TempDir()
	for pid, stat := range map[int]string{42: "42 (a b) R 7) S 17", 43: "43 (17) S 1", 44: "44 (other) S 1"} {
		if err := os.Mkdir(filepath.Join(dir, fmt.Sprint(pid)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(pid), "stat"), []byte(stat+strings.Repeat(" 0", 48)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	proc, err := procfs.NewFS(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := children(proc, 17); !slices.Equal(got, []int{42}) {
		t.Errorf("the children of 17 are %v", got)
	}
}
