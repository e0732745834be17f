package delivery_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"sync"
	"testing"
	"time"
)

// kept are the results of faults that went well, in a file, so that a run of all faults can be stopped and gone on with.
type kept struct {
	file   string
	before time.Duration // that earlier runs took
	mu     sync.Mutex
	content
}

type content struct {
	Commit  string
	Seconds float64
	Faults  map[string]figures // by name
}

// keptResults reads the file. Results of another commit are dropped.
func keptResults(t *testing.T, built string) *kept {
	t.Helper()
	k := &kept{file: *resume, content: content{Commit: built, Faults: map[string]figures{}}}
	if k.file == "" {
		return k
	}
	text, err := os.ReadFile(k.file)
	if errors.Is(err, fs.ErrNotExist) {
		return k
	}
	var c content
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		t.Fatalf("read the results of earlier runs: %v", err)
	}
	if c.Commit == built {
		k.content, k.before = c, time.Duration(c.Seconds*float64(time.Second))
	}
	return k
}

// of is what a fault came to in an earlier run.
func (k *kept) of(fault string) (figures, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	f, ok := k.Faults[fault]
	return f, ok
}

// add keeps a result; took is the time of this run until now.
func (k *kept) add(t *testing.T, fault string, f figures, took time.Duration) {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.Faults[fault], k.Seconds = f, (k.before + took).Seconds()
	if k.file == "" {
		return
	}
	text, err := json.MarshalIndent(k.content, "", "\t")
	if err == nil {
		err = os.WriteFile(k.file, text, 0o600)
	}
	if err != nil {
		t.Errorf("keep the result of a fault: %v", err)
	}
}
