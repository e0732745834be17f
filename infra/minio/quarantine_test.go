package minio

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestQuarantineTakesOutWhatMinIOCannotDeliver(t *testing.T) {
	tests := []struct {
		name   string
		text   string
		reason string // "" stays in the queue
	}{
		{"event", `{"EventName":"s3:ObjectCreated:Put","Key":"lakehouse/bronze/a.json","Records":[{}]}`, ""},
		{"event with newline", "{\"Key\":\"a\"}\n", ""},
		{"empty", "", "empty"},
		{"truncated", `{"EventName":"s3:ObjectCreated:Put","Ke`, "not a JSON object"},
		{"nuls", strings.Repeat("\x00", 4096), "only NUL bytes"},
		{"nuls behind the event", `{"Key":"a"}` + strings.Repeat("\x00", 10), "not a JSON object"},
		{"two events", `{"Key":"a"}{"Key":"b"}`, "not a JSON object"},
		{"list", `[]`, "not a JSON object"},
		{"null", `null`, "no event"},
		{"no fields", `{}`, "no event"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			home := t.TempDir()
			queue, kept := filepath.Join(home, "events"), filepath.Join(home, "quarantine")
			path := filepath.Join(queue, "minio-nats-SAFE", "1f0c.event")
			write(t, path, tt.text)
			found, err := Quarantine(queue, kept, time.Unix(0, 0))
			if err != nil {
				t.Fatal(err)
			}
			if tt.reason == "" {
				if len(found) != 0 {
					t.Errorf("taken out: %v", found)
				}
				if _, err := os.Stat(path); err != nil {
					t.Error(err)
				}
				return
			}
			if len(found) != 1 || !strings.Contains(found[0].Reason, tt.reason) || found[0].Path != path {
				t.Fatalf("found %v, want %s for %s", found, tt.reason, path)
			}
			if _, err := os.Stat(path); !os.IsNotExist(err) {
				t.Error("still in the queue")
			}
			if text, err := os.ReadFile(found[0].Kept); err != nil || !bytes.Equal(text, []byte(tt.text)) {
				t.Errorf("kept %q, %v", text, err)
			}
		})
	}
}

func TestQuarantineLeavesEverythingElse(t *testing.T) {
	home := t.TempDir()
	other := filepath.Join(home, "events", "minio-nats-SAFE", "notes.txt")
	write(t, other, "")
	found, err := Quarantine(filepath.Join(home, "events"), filepath.Join(home, "quarantine"), time.Now())
	if err != nil || len(found) != 0 {
		t.Errorf("found %v, %v", found, err)
	}
	if _, err := os.Stat(filepath.Join(home, "quarantine")); !os.IsNotExist(err) {
		t.Error("an empty quarantine folder was made")
	}
	if found, err := Quarantine(filepath.Join(home, "absent"), home, time.Now()); err != nil || len(found) != 0 {
		t.Errorf("a queue that does not exist yet: %v, %v", found, err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
