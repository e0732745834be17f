package main

import (
	"os"
	"strings"
	"testing"
	"time"
)

func TestTheFirstIngestRunsUntilItFinishedOnce(t *testing.T) {
	started, finished := time.Now(), time.Now()
	tests := []struct {
		name        string
		state       ingestState
		bronzeEmpty bool
		due         bool
	}{
		{"first start", ingestState{}, true, true},
		{"interrupted before the first object", ingestState{Started: started}, true, true},
		{"interrupted after some objects", ingestState{Started: started}, false, true},
		{"finished", ingestState{Started: started, Finished: &finished}, false, false},
		{"finished, then bronze was emptied", ingestState{Started: started, Finished: &finished}, true, true},
		{"bronze filled by somebody else", ingestState{}, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.state.due(tt.bronzeEmpty); got != tt.due {
				t.Errorf("due is %v, want %v", got, tt.due)
			}
		})
	}
}

func TestTheFirstIngestIsRemembered(t *testing.T) {
	h := home(t.TempDir())
	state, err := h.readIngest()
	if err != nil || !state.Started.IsZero() {
		t.Errorf("before the first: %v, %v", state, err)
	}
	state.Started = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	if err := h.writeIngest(state); err != nil {
		t.Fatal(err)
	}
	back, err := h.readIngest()
	if err != nil || !back.Started.Equal(state.Started) || back.Finished != nil {
		t.Errorf("read back %v, %v", back, err)
	}
	if err := os.WriteFile(h.ingestFile(), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := h.readIngest(); err == nil || !strings.Contains(err.Error(), h.ingestFile()) {
		t.Errorf("error is %v", err)
	}
}

func TestOnlyWhatHasAKeyWasPut(t *testing.T) {
	key := "bronze/coincap/assets/a.json"
	if got := keys([]landed{{Key: &key}, {}}); len(got) != 1 || got[0] != key {
		t.Errorf("keys are %v", got)
	}
}

func TestASourceWithoutHistoryIsToldFromAFailure(t *testing.T) {
	key := "bronze/coincap/history/a.json"
	for _, tt := range []struct {
		rows []landed
		want bool
	}{
		{nil, false}, // it failed before the first answer
		{[]landed{{Outcome: "no data", Key: &key}, {Outcome: "no data"}, {Outcome: "skipped"}}, true},
		{[]landed{{Outcome: "no data"}, {Outcome: "put", Key: &key}}, false},
		{[]landed{{Outcome: "already there", Key: &key}}, false},
	} {
		if got := noData(tt.rows); got != tt.want {
			t.Errorf("%+v: no data is %v", tt.rows, got)
		}
	}
}
