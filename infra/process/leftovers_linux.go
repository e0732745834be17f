package process

import (
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/prometheus/procfs"
)

// endMarked ends the processes whose environment has the entry: each is asked to, and killed if it is still there after the
// grace. What they start meanwhile inherits the entry, so it looks again until there is none.
func endMarked(entry string) (ended int, err error) {
	proc, err := procfs.NewDefaultFS()
	if err != nil {
		return 0, fmt.Errorf("look for what an earlier run left: %w", err)
	}
	seen := map[int]bool{}
	for started := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		pids, err := marked(proc, entry)
		if err != nil || len(pids) == 0 {
			return len(seen), err
		}
		waited := time.Since(started)
		if waited > 2*leftoverGrace {
			return len(seen), fmt.Errorf("end what an earlier run left: the processes %v do not end", pids)
		}
		for _, pid := range pids {
			switch { // an error means that it is gone
			case waited > leftoverGrace:
				_ = syscall.Kill(pid, syscall.SIGKILL)
			case !seen[pid]:
				_ = syscall.Kill(pid, syscall.SIGTERM)
			}
			seen[pid] = true
		}
	}
}

// marked returns the processes whose environment, as they were started with it, has the entry. That of other users' processes
// cannot be read, and one that has ended has none.
func marked(proc procfs.FS, entry string) ([]int, error) {
	processes, err := proc.AllProcs()
	if err != nil {
		return nil, fmt.Errorf("look for what an earlier run left: %w", err)
	}
	var pids []int
	for _, p := range processes {
		environment, err := p.Environ()
		if err == nil && p.PID != os.Getpid() && slices.Contains(environment, entry) {
			pids = append(pids, p.PID)
		}
	}
	return pids, nil
}
