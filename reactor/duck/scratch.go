package duck

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Scratch makes a folder for the rows that a database spills. It is below the home folder, on the disk that the user chose. Scratch
// also removes folders that killed processes left behind.
func Scratch(home string) (string, error) {
	parent := filepath.Join(home, "scratch")
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return "", fmt.Errorf("make the folder for spilled rows: %w", err)
	}
	entries, err := os.ReadDir(parent)
	if err != nil {
		return "", fmt.Errorf("find spilled rows of a killed reactor: %w", err)
	}
	for _, e := range entries {
		if pid, ok := owner(e.Name()); ok && !alive(pid) {
			if err := os.RemoveAll(filepath.Join(parent, e.Name())); err != nil {
				return "", fmt.Errorf("remove spilled rows of a killed reactor: %w", err)
			}
		}
	}
	dir := filepath.Join(parent, fmt.Sprintf("pid-%d", os.Getpid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make the folder for spilled rows: %w", err)
	}
	return dir, nil
}

func owner(name string) (pid int, ok bool) {
	number, ok := strings.CutPrefix(name, "pid-")
	if !ok {
		return 0, false
	}
	pid, err := strconv.Atoi(number)
	return pid, err == nil
}

// alive tells whether a process exists. A process that we may not signal exists.
func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
