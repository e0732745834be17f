package process

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestARunIsWrittenDownForItsOwnerUntilItIsDone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "airflow.run")
	if ended, err := EndLeftovers(file); ended != 0 || err != nil {
		t.Errorf("before the first run: %d, %v", ended, err)
	}
	first, err := NewRun(file)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}
	second, err := NewRun(file)
	if err != nil || first.Env() == second.Env() {
		t.Errorf("two runs have the mark %s, %v", first.Env(), err)
	}
	second.Done()
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("the file stays: %v", err)
	}
}

func TestABrokenRunFileSaysWhatToDo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "airflow.run")
	if err := os.WriteFile(file, []byte(`{"pid":1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	// Without a mark every process would be meant.
	if _, err := EndLeftovers(file); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("error is %v", err)
	}
}
