package intake

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"millrace/reactor/event"
	"millrace/reactor/silver"
	"millrace/reactor/silver/datasets"
	"millrace/reactor/silver/silvertest"
)

// The test program stands in for `reactor decode`; the dataset's name says how it dies.
func TestMain(m *testing.M) {
	if len(os.Args) != 2 || os.Args[1] != "decode" {
		os.Exit(m.Run())
	}
	err := Try(context.Background(), os.Stdin, os.NewFile(3, "object"), func(name string) (*silver.Dataset, bool) {
		switch name {
		case "test/panic":
			go func() { panic("in a goroutine of its own") }()
			time.Sleep(time.Minute)
		case "test/memory":
			limitMemory(context.Background())
			for held := [][]byte{}; ; {
				held = append(held, make([]byte, 32<<20))
				clear(held[len(held)-1])
			}
		case "test/unknown":
			return nil, false
		case "test/slow":
			time.Sleep(time.Minute)
		}
		return datasets.Get("coincap/assets"), true
	})
	if err != nil {
		_, _ = os.Stderr.WriteString(err.Error())
		os.Exit(trialFailed)
	}
	os.Exit(0)
}

func openJournal(t *testing.T) *Journal {
	j, err := OpenJournal(filepath.Join(t.TempDir(), "decoding"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// die leaves the journal as a process does that dies while it decodes.
func die(j *Journal, o event.Object, survives func() error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = j.watch(context.Background(), o, survives, func() error { runtime.Goexit(); return nil })
	}()
	<-done
}

func entries(t *testing.T, j *Journal) int {
	files, err := os.ReadDir(j.dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

var suspect = event.Object{Bucket: "lakehouse", Key: "bronze/coincap/assets/ingest_date=2026-11-23/x.parquet", Version: "v1", ModifiedAt: silvertest.ModifiedAt}

// The third time, an object that the process died of twice is tried elsewhere before it is decoded here.
func TestAnObjectThatKilledItsReaderTwice(t *testing.T) {
	j := openJournal(t)
	survives := func() error { return nil }
	decoded := 0
	decode := func() error { decoded++; return nil }
	watch := func(try func() error) error { return j.watch(context.Background(), suspect, try, decode) }
	never := func() error { t.Error("tried elsewhere without need"); return nil }

	if err := watch(never); err != nil || decoded != 1 || entries(t, j) != 0 {
		t.Fatalf("a sound object: %v, decoded %d times, %d entries", err, decoded, entries(t, j))
	}
	die(j, suspect, never)
	if err := watch(never); err != nil || decoded != 2 || entries(t, j) != 0 {
		t.Fatalf("after one death: %v, decoded %d times, %d entries", err, decoded, entries(t, j))
	}
	die(j, suspect, never)
	die(j, suspect, never)
	var dead *event.DeadError
	for range 2 { // a retry of the dead letter is not decoded here either
		err := watch(func() error { return &killed{"panic: out of range"} })
		if !errors.As(err, &dead) || !strings.Contains(dead.Reason, "it killed its reader twice") || !strings.Contains(dead.Reason, "panic: out of range") || decoded != 2 {
			t.Fatalf("after two deaths: %v, decoded %d times", err, decoded)
		}
	}
	away := errors.New("the store is away")
	if err := watch(func() error { return away }); !errors.Is(err, away) || errors.As(err, &dead) {
		t.Errorf("a trial that could not be made: %v", err)
	}
	// Another program may be able to read it.
	if err := watch(survives); err != nil || decoded != 3 || entries(t, j) != 0 {
		t.Errorf("it survives: %v, decoded %d times, %d entries", err, decoded, entries(t, j))
	}
}

// What survives each trial and kills nevertheless is given up too.
func TestAnObjectThatKillsOnlyHere(t *testing.T) {
	j := openJournal(t)
	survives := func() error { return nil }
	for range lastDeath {
		die(j, suspect, survives)
	}
	err := j.watch(context.Background(), suspect, survives, func() error { t.Error("decoded once more"); return nil })
	if !errors.As(err, new(*event.DeadError)) {
		t.Errorf("%v, want a dead letter", err)
	}
	other := suspect
	other.Version = "v2"
	if err := j.watch(context.Background(), other, survives, func() error { return nil }); err != nil {
		t.Errorf("its neighbour: %v", err)
	}
}

// An object that fails for another reason leaves no trace, and neither does a journal that cannot be written stop anything.
func TestTheJournalStopsNothing(t *testing.T) {
	j := openJournal(t)
	away := errors.New("the store is away")
	if err := j.watch(context.Background(), suspect, nil, func() error { return away }); !errors.Is(err, away) || entries(t, j) != 0 {
		t.Errorf("%v, %d entries", err, entries(t, j))
	}
	if err := os.RemoveAll(j.dir); err != nil {
		t.Fatal(err)
	}
	if err := j.watch(context.Background(), suspect, nil, func() error { return nil }); err != nil {
		t.Errorf("without a folder: %v", err)
	}
}

// A trial tells an object that ends its process from one that can or cannot be read, and from a trial that went wrong.
func TestTrial(t *testing.T) {
	body := silvertest.Bytes(`{"timestamp":1795420799000,"data":[{"id":"a","priceUsd":"1"}]}`)
	program := trial{program: os.Executable, dir: t.TempDir()}
	for _, c := range []struct {
		name, dataset string
		body          silvertest.Bytes
		want          string // of the error, a pattern; empty: it survives
		killed        bool
	}{
		{"a sound object", "coincap/assets", body, "", false},
		{"one that cannot be read", "coincap/assets", silvertest.Bytes("<html>"), "", false},
		{"a panic in a goroutine", "test/panic", body, "panic: in a goroutine of its own", true},
		// Under the race detector it is the detector that meets the wall.
		{"too much memory", "test/memory", body, "out of memory|failed to allocate", true},
		{"no trial at all", "test/unknown", body, `there is no dataset "test/unknown"`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := *datasets.Get("coincap/assets")
			d.Name = c.dataset
			src := silvertest.Source(datasets.Get("coincap/assets"), "x.json")
			src.Metadata["asset-id"] = "a"
			err := program.run(context.Background(), &d, src, c.body)
			if errors.As(err, new(*killed)) != c.killed || (err == nil) != (c.want == "") || err != nil && !regexp.MustCompile(c.want).MatchString(err.Error()) {
				t.Errorf("%v; want %q, killed %v", err, c.want, c.killed)
			}
		})
	}
	if left, err := os.ReadDir(program.dir); err != nil || len(left) > 0 {
		t.Errorf("%v, %v: the objects' bytes stay", left, err)
	}
}

// A reactor that is stopped during a trial has not seen its object die.
func TestATrialThatIsStopped(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	d := *datasets.Get("coincap/assets")
	d.Name = "test/slow"
	err := trial{program: os.Executable, dir: t.TempDir()}.run(ctx, &d, silvertest.Source(datasets.Get("coincap/assets"), "x.json"), silvertest.Bytes("{}"))
	if !errors.Is(err, context.DeadlineExceeded) || errors.As(err, new(*killed)) {
		t.Errorf("%v", err)
	}
}

// BenchmarkJournal is what a Parquet object pays for its entry.
func BenchmarkJournal(b *testing.B) {
	j, err := OpenJournal(b.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := j.watch(context.Background(), suspect, nil, func() error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
