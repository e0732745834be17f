// Package reload tells a running reactor to take its files anew, and the teller what came of it. The reactor holds a lock on a file of its
// home folder that has its process id: who cannot lock the file knows that the id is that of a reactor which runs.
package reload

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"millrace/infra/files"
)

const (
	pidFile    = "reload.pid" // not reactor.pid, which whoever supervises the reactor replaces
	answerFile = "reload.json"
	// poll is how often an answer is looked for.
	poll = 50 * time.Millisecond
)

// answer is what came of the last reload. Number counts them.
type answer struct {
	Number  int    `json:"number"`
	Refused string `json:"refused,omitempty"` // why, else ""
}

// Told is a reactor that can be told. Make it with Listen.
type Told struct {
	home    string
	lock    *os.File // nil where another reactor has the home folder
	signals chan os.Signal
	asked   bool
}

// Listen takes SIGHUP from now on. Of several reactors with one home folder the first one is found by Ask.
func Listen(home string) (*Told, error) {
	t := &Told{home: home, signals: make(chan os.Signal, 1)}
	file, err := os.OpenFile(filepath.Join(home, pidFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("leave the process id in the home folder: %w", err)
	}
	if unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
		t.lock = file
		err = errors.Join(file.Truncate(0), writeAt(file, strconv.Itoa(os.Getpid())+"\n"))
	} else {
		err = file.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("leave the process id in the home folder: %w", err)
	}
	signal.Notify(t.signals, syscall.SIGHUP)
	return t, nil
}

func writeAt(file *os.File, text string) error {
	_, err := file.WriteAt([]byte(text), 0)
	return err
}

// Close ends that.
func (t *Told) Close() {
	signal.Stop(t.signals)
	if t.lock != nil {
		_ = t.lock.Close() // and the lock with it
	}
}

// Asked gets a value each time that the reactor is told.
func (t *Told) Asked() <-chan os.Signal { t.asked = true; return t.signals }

// Taken says that the reactor has begun anew. Before it was told anything, that says nothing.
func (t *Told) Taken() {
	if t.asked {
		t.answer("")
	}
}

// Refused says why it did not.
func (t *Told) Refused(why error) { t.answer(why.Error()) }

func (t *Told) answer(refused string) {
	if t.lock == nil {
		return
	}
	text, err := json.Marshal(answer{Number: last(t.home).Number + 1, Refused: refused})
	if err == nil {
		err = files.Replace(filepath.Join(t.home, answerFile), text)
	}
	_ = err // the teller gives up in time
}

// last is the last answer, zero for none.
func last(home string) (a answer) {
	text, err := os.ReadFile(filepath.Join(home, answerFile))
	if err == nil {
		_ = json.Unmarshal(text, &a)
	}
	return a
}

// ErrNone says that no reactor runs.
var ErrNone = errors.New("no reactor runs with this home folder: the next start takes the files")

// Ask tells the reactor of a home folder, and returns when it has begun anew. An error says why it did not.
func Ask(ctx context.Context, home string) error {
	before := last(home).Number
	pid, err := running(home)
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
		return fmt.Errorf("tell the reactor (process %d): %w", pid, err)
	}
	for {
		if a := last(home); a.Number > before {
			if a.Refused != "" {
				return fmt.Errorf("the reactor goes on with the files that it has: %s", a.Refused)
			}
			return nil
		}
		if _, err := running(home); err != nil {
			return fmt.Errorf("the reactor ended: its log tells why (%w)", err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(poll):
		}
	}
}

// running returns the process that holds the lock.
func running(home string) (pid int, err error) {
	file, err := os.Open(filepath.Join(home, pidFile))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("%s: %w", home, ErrNone)
	}
	if err != nil {
		return 0, fmt.Errorf("find the reactor: %w", err)
	}
	defer func() { _ = file.Close() }()
	if unix.Flock(int(file.Fd()), unix.LOCK_SH|unix.LOCK_NB) == nil {
		return 0, fmt.Errorf("%s: %w", home, ErrNone)
	}
	text, err := os.ReadFile(file.Name())
	if err != nil {
		return 0, fmt.Errorf("find the reactor: %w", err)
	}
	if pid, err = strconv.Atoi(string(bytes.TrimSpace(text))); err != nil {
		return 0, fmt.Errorf("find the reactor: %s: %w", file.Name(), err)
	}
	return pid, nil
}
