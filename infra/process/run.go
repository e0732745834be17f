package process

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"millrace/infra/files"
)

// runVariable marks every process of a run: what a child starts inherits it, also in a session of its own.
const runVariable = "MILLRACE_PROCESS_RUN"

// leftoverGrace is between SIGTERM and SIGKILL for what an earlier run left.
const leftoverGrace = 5 * time.Second

// Run is one run of a program that starts others. If it is killed, the next run finds by its file what it left behind.
type Run struct {
	file string
	mark string
}

// runFile is what the file holds.
type runFile struct {
	PID  int    `json:"pid"`  // of the program itself, for people
	Mark string `json:"mark"` // at random, so that no other process has it
}

// NewRun begins a run and writes its file. Call EndLeftovers before it, and both only while no other run of that file can be
// alive: under a lock.
func NewRun(file string) (Run, error) {
	r := Run{file: file, mark: rand.Text()}
	text, err := json.Marshal(runFile{os.Getpid(), r.mark})
	if err == nil {
		err = files.Replace(file, append(text, '\n'))
	}
	if err != nil {
		return Run{}, fmt.Errorf("write down this run: %w", err)
	}
	return r, nil
}

// Env is the variable, NAME=value, that every process of the run must be started with.
func (r Run) Env() string { return runVariable + "=" + r.mark }

// Done forgets the run. Call it when all its processes have ended.
func (r Run) Done() { _ = os.Remove(r.file) } // one that stays names processes that are gone

// EndLeftovers ends the processes that the last run left when it was killed, and returns how many there were. It touches
// only those that carry that run's mark in their environment, so none that somebody else started.
func EndLeftovers(file string) (ended int, err error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("look for what an earlier run left: %w", err)
	}
	var last runFile
	if json.Unmarshal(text, &last) != nil || last.Mark == "" {
		return 0, fmt.Errorf("look for what an earlier run left: %s cannot be read: end its processes by hand, if any are there, and remove the file", file)
	}
	if ended, err = endMarked(runVariable + "=" + last.Mark); err != nil {
		return ended, err
	}
	return ended, os.Remove(file)
}
