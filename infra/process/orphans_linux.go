package process

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// AdoptOrphans makes this process the parent of whatever its children leave behind, also of what went into a group or a
// session of its own, as Airflow's tasks do. The function it returns kills what is left; call it after the children ended.
func AdoptOrphans() (killAll func(), err error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("become the parent of orphaned processes: %w", err)
	}
	return func() {
		// A killed one's own children come to us then, so until there are none.
		for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			pids := children(os.Getpid())
			if len(pids) == 0 {
				return
			}
			for _, pid := range pids {
				_ = syscall.Kill(pid, syscall.SIGKILL)
				_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil) // reaped, or in the next round
			}
		}
	}, nil
}

// children are the processes whose parent is pid. Not every kernel has the file that lists them, so all are asked.
func children(pid int) []int {
	files, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is right
	var all []int
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		// "pid (name) state parent …": the name may hold anything, so the fields are counted from its end.
		number, rest, _ := strings.Cut(string(text), " ")
		fields := strings.Fields(rest[strings.LastIndexByte(rest, ')')+1:])
		if len(fields) < 2 || fields[1] != strconv.Itoa(pid) {
			continue
		}
		if child, err := strconv.Atoi(number); err == nil {
			all = append(all, child)
		}
	}
	return all
}
