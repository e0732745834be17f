package process

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// AdoptOrphans makes this process the parent of whatever its children leave behind, also of what went into a group or a
// session of its own, as Airflow's tasks do. The function it returns kills what is left; call it after the children ended.
func AdoptOrphans() (killAll func(), err error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("become the parent of orphaned processes: %w", err)
	}
	proc, err := procfs.NewDefaultFS()
	if err != nil {
		return nil, fmt.Errorf("look for orphaned processes: %w", err)
	}
	return func() {
		// A killed one's own children come to us then, so until there are none.
		for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			pids := children(proc, os.Getpid())
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

// children finds the processes whose parent is pid. Not every kernel has the file that lists them, so all are asked.
func children(proc procfs.FS, pid int) []int {
	processes, err := proc.AllProcs()
	if err != nil {
		return nil
	}
	var all []int
	for _, p := range processes {
		if stat, err := p.Stat(); err == nil && stat.PPID == pid { // an error: it has ended
			all = append(all, p.PID)
		}
	}
	return all
}
