package promote

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"github.com/gofrs/flock"

	"millrace/reactor/gold"
)

const (
	// crashesHeld is after how many crashes in C++ a model is held, and killsHeld after how many other deaths: an operator or the
	// kernel may have killed the process for a reason of their own.
	crashesHeld, killsHeld = 2, 5
	// markBytes is the size of the file that names the models. It is written in place.
	markBytes = 1024
)

// Deaths knows which models were being computed when the process died. DuckDB is C++: a fault in it ends the process, the next
// start computes the same model, and nothing else gets into gold. So the model's name is written down before its SQL runs: a write
// of a kilobyte in place, without a sync, which a process that dies leaves behind. What Go's runtime says of a crash goes into a
// file too, which tells a crash from a kill.
//
// A database that could not commit is such a death too: the process ends in order, but other models beside the model may have had the memory.
//
// Of models that were computed side by side nobody knows which one it was. Each counts, and while any death counts, models are computed one
// by one: the harmless ones come to their end then, and count no more.
//
// A nil Deaths notes nothing.
//
// Reactors may share a home. Each has a folder of its own in it, with a lock that the system takes off a process that dies.
type Deaths struct {
	folder  string // of all processes
	own     string // of this one
	lock    *flock.Flock
	program string   // a newer one gets a try of its own
	mark    *os.File // what is computed now
	log     *slog.Logger

	mu     sync.Mutex
	now    []marked // the models in the mark
	left   bool     // the mark is for the next start
	counts map[string]death
}

// death is how often the process died while a model was computed, since it was last computed to its end.
type death struct {
	Digest  string `json:"digest"`
	Program string `json:"program"`
	Crashes int    `json:"crashes"`
	Kills   int    `json:"kills"`
	How     string `json:"how,omitempty"` // the last crash
}

// OpenDeaths reads, from a folder that it makes, how the last process ended. It has Go's runtime write crashes of this one there;
// there is one such place in a process.
func OpenDeaths(folder string, log *slog.Logger) (*Deaths, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of models being computed: %w", err)
	}
	d := &Deaths{folder: folder, program: revision(), counts: map[string]death{}, log: log}
	if text, err := os.ReadFile(d.countsFile()); err == nil && json.Unmarshal(text, &d.counts) != nil {
		d.counts = map[string]death{} // it was cut off
	}
	if err := d.buryAll(); err != nil {
		return nil, fmt.Errorf("look for models that the reactor died of: %w", err)
	}
	if err := d.begin(); err != nil {
		d.Close()
		return nil, fmt.Errorf("open the mark of the model being computed: %w", err)
	}
	return d, nil
}

// begin makes this process's folder, and has Go's runtime write crashes into it.
func (d *Deaths) begin() (err error) {
	if d.own, err = os.MkdirTemp(d.folder, "of-"); err != nil {
		return err
	}
	d.lock = flock.New(filepath.Join(d.own, "lock"))
	if _, err := d.lock.TryLock(); err != nil {
		return err
	}
	if d.mark, err = os.OpenFile(filepath.Join(d.own, "now"), os.O_CREATE|os.O_WRONLY, 0o600); err != nil {
		return err
	}
	crash, err := os.OpenFile(filepath.Join(d.own, "crash"), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(debug.SetCrashOutput(crash, debug.CrashOptions{}), crash.Close()) // the runtime has a copy
}

// Close ends the notes of a process that ends in order.
func (d *Deaths) Close() {
	if d == nil {
		return
	}
	_ = debug.SetCrashOutput(nil, debug.CrashOptions{})
	if d.mark != nil {
		_ = d.mark.Close()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.left {
		_ = os.RemoveAll(d.own)
	}
	if d.lock != nil {
		_ = d.lock.Unlock()
	}
}

func (d *Deaths) countsFile() string { return filepath.Join(d.folder, "deaths.json") }

// buryAll counts the deaths of processes whose folders nobody holds any more.
func (d *Deaths) buryAll() error {
	folders, err := filepath.Glob(filepath.Join(d.folder, "of-*"))
	if err != nil {
		return err
	}
	for _, of := range folders {
		lock := flock.New(filepath.Join(of, "lock"))
		free, err := lock.TryLock()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if !free {
			continue // it lives, or has just gone
		}
		d.bury(of)
		if err := errors.Join(os.RemoveAll(of), lock.Unlock()); err != nil {
			return err
		}
	}
	return nil
}

// marked is what the mark says of a model.
type marked struct {
	Model   string `json:"model"`
	Digest  string `json:"digest"`
	Program string `json:"program"`
}

// bury counts the death of a process, if it died while models were computed.
func (d *Deaths) bury(folder string) {
	text, err := os.ReadFile(filepath.Join(folder, "now"))
	var all []marked
	if err != nil || json.Unmarshal(bytes.TrimRight(text, "\x00"), &all) != nil {
		return
	}
	for _, m := range all {
		d.buryOne(folder, m)
	}
	d.save()
}

// buryOne counts the death of a process for a model.
func (d *Deaths) buryOne(folder string, m marked) {
	of := d.counts[m.Model]
	if of.Digest != m.Digest || of.Program != m.Program {
		of = death{Digest: m.Digest, Program: m.Program}
	}
	// A signal in C++ is DuckDB's doing. A panic of Go's is somebody else's, an object's reader's for instance.
	if how := crashIn(folder); strings.HasPrefix(how, "SIG") {
		of.Crashes, of.How = of.Crashes+1, how
	} else {
		of.Kills++
	}
	d.counts[m.Model] = of
	d.log.Warn("the reactor died while a model was computed", "model", m.Model, "crashes", of.Crashes, "kills", of.Kills, "how", of.How)
}

// crashIn is the line in which Go's runtime said what ended a process, "" when it was killed without a word.
func crashIn(folder string) string {
	text, err := os.ReadFile(filepath.Join(folder, "crash"))
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	return strings.TrimSpace(line)
}

// computing notes that a model's SQL is about to run, and returns what notes that it has ended, and killed nobody.
func (d *Deaths) computing(m *gold.Model) (over func()) {
	if d == nil {
		return func() {}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	one := marked{Model: m.Name, Digest: m.Digest, Program: d.program}
	d.now = append(d.now, one)
	d.write()
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.now = slices.DeleteFunc(d.now, func(other marked) bool { return other == one })
		if _, died := d.counts[m.Name]; died {
			delete(d.counts, m.Name)
			d.save()
		}
		d.write()
	}
}

// computing notes that a model's SQL is about to run, and returns what notes that it has ended. If the database has ended, the note is left
// for the next start.
func (g *Gold) computing(m *gold.Model) (over func()) {
	ended := g.cfg.Deaths.computing(m)
	return func() {
		select {
		case <-g.cfg.DB.Ended():
			g.cfg.Deaths.leave()
		default:
			ended()
		}
	}
}

// leave keeps the mark when the process ends in order.
func (d *Deaths) leave() {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.left = true
}

// suspects tells whether the process died while models of the set were computed that were not computed to their end since.
func (d *Deaths) suspects(set *gold.Set) bool {
	if d == nil {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.ContainsFunc(set.Models, func(m *gold.Model) bool {
		of, died := d.counts[m.Name]
		return died && of.Digest == m.Digest && of.Program == d.program
	})
}

// write changes the mark in place. A disk that is full stops no model.
func (d *Deaths) write() {
	text, err := json.Marshal(d.now)
	if err != nil {
		panic(fmt.Sprintf("mark %v: %v", d.now, err)) // strings
	}
	if len(text) < markBytes {
		text = append(text, make([]byte, markBytes-len(text))...)
	}
	if _, err := d.mark.WriteAt(text, 0); err != nil {
		d.log.Warn("cannot note which models are computed", "models", d.now, "error", err)
	}
}

// save writes the counts.
func (d *Deaths) save() {
	text, err := json.Marshal(d.counts)
	if err == nil && len(d.counts) == 0 {
		if err = os.Remove(d.countsFile()); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	} else if err == nil {
		err = os.WriteFile(d.countsFile(), text, 0o600)
	}
	if err != nil {
		d.log.Warn("cannot note how often models killed the reactor", "error", err)
	}
}

// held are the models that have killed the process too often. They are not run again by this program until their text changes.
func (d *Deaths) held(set *gold.Set) failures {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var held failures
	for _, m := range set.Models {
		of := d.counts[m.Name]
		if of.Digest != m.Digest || of.Program != d.program || of.Crashes < crashesHeld && of.Kills < killsHeld {
			continue
		}
		how := fmt.Sprintf("the reactor died %d times while it was computed (out of memory?)", of.Kills)
		if of.Crashes >= crashesHeld {
			how = fmt.Sprintf("the reactor crashed %d times while it was computed: %s", of.Crashes, of.How)
		}
		held = append(held, &gold.Failure{Model: m.Name, File: m.File, Fatal: true, Reason: how + "; it is tried again when its text or the program has changed"})
	}
	return held
}

// programNow is the program that a fatal failure is of.
func (d *Deaths) programNow() string {
	if d == nil {
		return ""
	}
	return d.program
}

// revision tells programs apart.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	text := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" || s.Key == "vcs.modified" {
			text += " " + s.Value
		}
	}
	return text
}
