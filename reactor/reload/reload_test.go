package reload_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"millrace/reactor/reload"
)

// Who asks is told what came of it; without a reactor nobody gets a signal, whatever process id is left in the file.
func TestAReactorIsToldAndAnswers(t *testing.T) {
	home := t.TempDir()
	if err := reload.Ask(t.Context(), home); !errors.Is(err, reload.ErrNone) {
		t.Errorf("an empty folder: %v", err)
	}
	if err := os.WriteFile(home+"/reload.pid", []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := reload.Ask(t.Context(), home); !errors.Is(err, reload.ErrNone) {
		t.Errorf("what a reactor left: %v", err)
	}
	told, err := reload.Listen(home)
	if err != nil {
		t.Fatal(err)
	}
	told.Taken() // at the first start, nobody asked
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, c := range []struct {
		answer func()
		want   string
	}{
		{told.Taken, ""},
		{func() { told.Refused(errors.New("a field has no name")) }, "the reactor goes on with the files that it has: a field has no name"},
		{told.Taken, ""},
	} {
		asked := make(chan error, 1)
		go func() { asked <- reload.Ask(ctx, home) }()
		select {
		case <-told.Asked():
		case <-ctx.Done():
			t.Fatal("no signal came")
		}
		c.answer()
		got := ""
		if err := <-asked; err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("the answer is %q, want %q", got, c.want)
		}
	}
	told.Close()
	if err := reload.Ask(ctx, home); !errors.Is(err, reload.ErrNone) {
		t.Errorf("after its end: %v", err)
	}
}
