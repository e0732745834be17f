package process

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// endMarked ends the processes whose environment has the entry: each is asked to, and killed when it is still there after
// the grace. What they start meanwhile inherits the entry, so it is looked for until there is none.
func endMarked(entry string) (ended int, err error) {
	seen := map[int]bool{}
	started := time.Now()
	for {
		pids := marked(entry)
		if len(pids) == 0 {
			return len(seen), nil
		}
		late := time.Since(started) > leftoverGrace
		if time.Since(started) > 2*leftoverGrace {
			return len(seen), fmt.Errorf("end what an earlier run left: the processes %v do not end", pids)
		}
		for _, pid := range pids {
			signal := syscall.SIGTERM
			if late {
				signal = syscall.SIGKILL
			} else if seen[pid] {
				continue
			}
			seen[pid] = true
			_ = syscall.Kill(pid, signal) // an error means that it is gone
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// marked returns the processes whose environment, as they were started with it, has the entry. Other users' cannot be read,
// and those that have ended have none.
func marked(entry string) []int {
	environments, _ := filepath.Glob("/proc/[0-9]*/environ") // the pattern is right
	var pids []int
	for _, file := range environments {
		environ, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(append([]byte{0}, environ...), []byte("\x00"+entry+"\x00")) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}
