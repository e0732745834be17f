package intake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"millrace/reactor/event"
	"millrace/reactor/silver"
)

const (
	// suspectDeaths is after how many deaths an object is tried in a process of its own before it is decoded here.
	suspectDeaths = 2
	// lastDeath is after how many deaths an object is given up that survives the trial each time. Two more would be enough to
	// see it; kills that have nothing to do with the object get some room.
	lastDeath = 5
)

// Journal knows which objects were being decoded when the process died. A library may panic in a goroutine of its own, or a
// file may take all memory: the event is then delivered again, the process dies again, and nothing else gets through. So an
// object that can do that is written down before it is decoded and crossed out after it: one small file without a sync, which
// a process that dies leaves behind.
type Journal struct {
	// Try decodes an object elsewhere and says what became of whoever did that: nil when it survived.
	Try func(ctx context.Context, d *silver.Dataset, src silver.Source, p silver.Payload) error
	dir string
	log *slog.Logger
}

// OpenJournal opens the journal in a folder, which it makes.
func OpenJournal(dir string, log *slog.Logger) (*Journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of objects being decoded: %w", err)
	}
	t := trial{program: os.Executable, dir: dir}
	return &Journal{Try: t.run, dir: dir, log: log}, nil
}

// entry is what the journal says of an object.
type entry struct {
	Key     string `json:"key"`
	Version string `json:"version"`
	Deaths  int    `json:"deaths"`
	Open    bool   `json:"open"` // it is being decoded, or was when the process died
}

// watch decodes an object with an entry in the journal. A suspect is tried elsewhere first.
func (j *Journal) watch(ctx context.Context, o event.Object, try func() error, decode func() error) error {
	path := filepath.Join(j.dir, string(o.ID())+".json")
	e := j.read(path)
	e.Key, e.Version = o.Key, o.Version
	if e.Open {
		e.Deaths++
	}
	if e.Deaths > 0 {
		// Before it is opened: when the process dies now, this line is the last one about it.
		j.log.Warn("decoding an object that was being decoded when the reactor died", "key", o.Key, "version", o.Version, "deaths", e.Deaths)
	}
	e.Open = true
	j.write(path, e)
	err := j.decide(ctx, e.Deaths, try, decode)
	if e.Open = false; e.Deaths > 0 && err != nil {
		j.write(path, e)
		return err
	}
	if failed := os.Remove(path); failed != nil && !errors.Is(failed, fs.ErrNotExist) {
		j.log.Warn("an object that was decoded stays in the journal", "key", o.Key, "error", failed)
	}
	return err
}

// decide decodes an object if it is safe to.
func (j *Journal) decide(ctx context.Context, deaths int, try, decode func() error) error {
	if deaths < suspectDeaths {
		return decode()
	}
	err := try()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, new(*killed)):
		return event.DeadAs(event.Unreadable, "it killed its reader twice, and again in a process of its own: %v", err)
	case err != nil:
		return err
	case deaths >= lastDeath:
		return event.DeadAs(event.Unreadable, "it killed its reader %d times, although a process of its own can decode it", deaths)
	}
	return decode()
}

// read returns an object's entry. What cannot be read was cut off by a death.
func (j *Journal) read(path string) entry {
	text, err := os.ReadFile(path)
	if err != nil {
		return entry{}
	}
	var e entry
	if json.Unmarshal(text, &e) != nil {
		return entry{Open: true}
	}
	return e
}

// write notes an entry. The disk may be full: that must not stop objects that are sound.
func (j *Journal) write(path string, e entry) {
	text, err := json.Marshal(e)
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		j.log.Warn("an object is decoded that the journal does not know", "key", e.Key, "error", err)
	}
}
