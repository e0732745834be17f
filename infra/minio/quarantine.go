package minio

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Poisoned is a queue file that was taken out of MinIO's way.
type Poisoned struct {
	Path   string // where it lay
	Kept   string // where it lies now
	Reason string
}

// Quarantine moves the broken files of an event queue (<queue>/**/*.event) into the folder kept, before MinIO sees them.
// One truncated file blocks all events behind it for ever, and one full of NULs, which is what a power cut leaves, makes
// MinIO panic at every start. The object a lost file spoke of is found by the reactor's reconciler.
func Quarantine(queue, kept string, now time.Time) ([]Poisoned, error) {
	return quarantine(queue, kept, now, 0)
}

// QuarantineAged does the same beside a running MinIO, which may be in the middle of writing the files that it leaves alone:
// those that changed less than age ago.
func QuarantineAged(queue, kept string, now time.Time, age time.Duration) ([]Poisoned, error) {
	return quarantine(queue, kept, now, age)
}

func quarantine(queue, kept string, now time.Time, age time.Duration) ([]Poisoned, error) {
	var found []Poisoned
	err := filepath.WalkDir(queue, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !entry.Type().IsRegular() || filepath.Ext(path) != ".event" {
			return nil
		}
		if age > 0 {
			info, err := entry.Info()
			if errors.Is(err, fs.ErrNotExist) || err == nil && now.Sub(info.ModTime()) < age {
				return nil
			}
		}
		text, err := os.ReadFile(path)
		if age > 0 && errors.Is(err, fs.ErrNotExist) {
			return nil // delivered
		}
		if err != nil {
			return err
		}
		reason := broken(text)
		if reason == "" {
			return nil
		}
		if err := os.MkdirAll(kept, 0o700); err != nil {
			return err
		}
		target := filepath.Join(kept, now.UTC().Format("20060102T150405.000000000Z")+"-"+entry.Name())
		if err := os.Rename(path, target); err != nil {
			return err
		}
		found = append(found, Poisoned{Path: path, Kept: target, Reason: reason})
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return found, fmt.Errorf("look for broken files in MinIO's event queue %s: %w", queue, err)
	}
	return found, nil
}

// broken says why MinIO could not deliver a queue file, or "" when it can.
func broken(text []byte) string {
	if len(text) == 0 {
		return "empty"
	}
	nuls := true
	for _, b := range text {
		nuls = nuls && b == 0
	}
	var event map[string]json.RawMessage
	switch err := json.Unmarshal(text, &event); {
	case nuls:
		return "only NUL bytes"
	case err != nil:
		return "not a JSON object: " + err.Error()
	case len(event) == 0:
		return "no event in it"
	}
	return ""
}
