package promote

import (
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"millrace/reactor/duck"
	"millrace/reactor/gold"
)

// dieIn and dieOf tell the test program to be a reactor that dies while a model is computed.
const dieIn, dieOf = "MILLRACE_TEST_DIE_IN", "MILLRACE_TEST_DIE_OF"

// TestMain runs the tests, or dies of what its environment says.
func TestMain(m *testing.M) {
	if folder := os.Getenv(dieIn); folder != "" {
		dieComputing(folder, os.Getenv(dieOf))
	}
	os.Exit(m.Run())
}

func dieComputing(folder, of string) {
	d, err := OpenDeaths(folder, slog.New(slog.DiscardHandler))
	if err != nil {
		panic(err)
	}
	over := d.computing(suspect)
	switch of {
	case "segfault", "abort", "kill":
		signal := map[string]syscall.Signal{"segfault": syscall.SIGSEGV, "abort": syscall.SIGABRT, "kill": syscall.SIGKILL}[of]
		_ = syscall.Kill(os.Getpid(), signal)
		time.Sleep(time.Minute)
	case "segfault beside another":
		d.computing(harmless)
		_ = syscall.Kill(os.Getpid(), syscall.SIGSEGV)
		time.Sleep(time.Minute)
	case "panic":
		panic("of somebody else")
	case "another model":
		over()
		d.computing(&gold.Model{Name: "gold.after", Digest: "b"})
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		time.Sleep(time.Minute)
	}
	over()
	os.Exit(0)
}

var (
	suspect  = &gold.Model{Name: "gold.counts", Digest: "a", File: "counts.sql"}
	harmless = &gold.Model{Name: "gold.beside", Digest: "c", File: "beside.sql"}
)

// diesOf lets a process die in a folder.
func diesOf(t *testing.T, folder, of string) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), dieIn+"="+folder, dieOf+"="+of, "GOTRACEBACK=single")
	said, err := child.CombinedOutput()
	if ended := err == nil; ended != (of == "nothing") {
		t.Fatalf("a process that dies of %s: %v\n%s", of, err, said)
	}
}

func TestAModelThatTheReactorDiedOfIsHeld(t *testing.T) {
	twice := func(of string) []string { return []string{of, of} }
	for name, c := range map[string]struct {
		of   []string
		want string // in the reason, "" where it is not held
	}{
		"one segfault":                       {[]string{"segfault"}, ""},
		"two segfaults":                      {twice("segfault"), "the reactor crashed 2 times while it was computed: SIGSEGV"},
		"two aborts":                         {twice("abort"), "the reactor crashed 2 times while it was computed: SIGABRT"},
		"two segfaults with a kill between":  {[]string{"segfault", "kill", "segfault"}, "crashed 2 times"},
		"it survived between":                {[]string{"segfault", "nothing", "segfault"}, ""},
		"another model began between":        {[]string{"segfault", "another model", "segfault"}, ""},
		"four kills may have another reason": {[]string{"kill", "kill", "kill", "kill"}, ""},
		"five kills do not":                  {[]string{"kill", "kill", "kill", "kill", "kill"}, "the reactor died 5 times"},
		"a panic of Go's is somebody else's": {twice("panic"), ""},
		"an orderly end":                     {twice("nothing"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			for _, of := range c.of {
				diesOf(t, folder, of)
			}
			d, err := OpenDeaths(folder, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			held := d.held(&gold.Set{Models: []*gold.Model{{Name: "gold.beside", Digest: "c"}, suspect}})
			if c.want == "" {
				if len(held) > 0 {
					t.Errorf("it is held: %v", held)
				}
				return
			}
			if len(held) != 1 || held[0].Model != suspect.Name || !held[0].Fatal || !strings.Contains(held[0].Error(), "counts.sql: gold.counts cannot be computed: ") || !strings.Contains(held[0].Reason, c.want) {
				t.Errorf("held are %v, want %q", held, c.want)
			}
			changed := *suspect
			changed.Digest = "another"
			if held := d.held(&gold.Set{Models: []*gold.Model{&changed}}); len(held) > 0 {
				t.Errorf("its text has changed, and it is held: %v", held)
			}
			d.program = "a newer one"
			if held := d.held(&gold.Set{Models: []*gold.Model{suspect}}); len(held) > 0 {
				t.Errorf("the program has changed, and it is held: %v", held)
			}
		})
	}
}

// Which of two models that were computed side by side killed the process shows when they are computed one by one.
func TestAModelBesideOneThatKillsIsNotHeld(t *testing.T) {
	folder, set := t.TempDir(), &gold.Set{Models: []*gold.Model{harmless, suspect}}
	open := func() *Deaths {
		d, err := OpenDeaths(folder, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	diesOf(t, folder, "segfault beside another")
	d := open()
	if held := d.held(set); len(held) > 0 || !d.suspects(set) || len(d.counts) != 2 {
		t.Fatalf("after the first death held are %v, suspects: %v of %v", held, d.suspects(set), d.counts)
	}
	d.computing(harmless)() // comes first, alone, and survives
	d.Close()
	diesOf(t, folder, "segfault")
	d = open()
	defer d.Close()
	held := d.held(set)
	if len(held) != 1 || held[0].Model != suspect.Name {
		t.Errorf("held are %v, want %s", held, suspect.Name)
	}
	if d.suspects(set.Without(held.names()...)) {
		t.Error("the others are still computed one by one")
	}
}

// Two reactors may share a home: one that computes is not dead.
func TestAReactorThatComputesIsNotDead(t *testing.T) {
	folder := t.TempDir()
	first, err := OpenDeaths(folder, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	first.computing(suspect)
	for range crashesHeld + killsHeld {
		second, err := OpenDeaths(folder, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if held := second.held(&gold.Set{Models: []*gold.Model{suspect}}); len(held) > 0 || len(second.counts) > 0 {
			t.Fatalf("held are %v of %v", held, second.counts)
		}
		second.Close()
	}
	first.Close()
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("%v, %v stay", left, err)
	}
}

// crashed opens deaths in a folder where a process crashed twice while a model of the workshop was computed.
func (w *workshop) crashed(model string) *Deaths {
	w.Helper()
	d, err := OpenDeaths(w.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(d.Close)
	m, ok := w.gold.set.Model(model)
	if !ok {
		w.Fatalf("there is no model %s", model)
	}
	d.counts[model] = death{Digest: m.Digest, Program: d.program, Crashes: crashesHeld, How: "SIGSEGV: segmentation violation"}
	return d
}

// The others go on, readiness names it, and one dead letter does; a start knows it without the folder, and a new text mends it.
func TestAModelThatKillsTheReactorHoldsItsTableAndNoOther(t *testing.T) {
	mended := strings.Replace(counts, "::tinyint", "", 1)
	w := openWorkshop(t, "counts.sql", mended, "after.sql", after, "beside.sql", beside)
	w.days("2026-01-20", 3, "bitcoin")
	w.bring()
	before := w.table("gold.counts").SnapshotID()
	w.gold.cfg.Deaths = w.crashed("gold.counts")
	w.days("2026-01-23", 1, "bitcoin")
	w.dead(w.gold.Bring(t.Context()), "counts.sql: gold.counts cannot be computed: the reactor crashed 2 times", "SIGSEGV", "stays as it was")
	check := func(what string) {
		t.Helper()
		if w.table("gold.counts").SnapshotID() != before {
			t.Errorf("%s: its table did not stay as it was", what)
		}
		for _, name := range []string{"gold.daily_summary", "gold.beside"} {
			if n := len(w.rows(name, "day", "day = '2026-01-23'")); n != 1 {
				t.Errorf("%s: %s has %d rows of the day, want 1: it must go on", what, name, n)
			}
		}
		if err := w.failed(); err == nil || !strings.Contains(err.Error(), "gold.counts cannot be computed: the reactor crashed") || strings.Contains(err.Error(), "gold.after") {
			t.Errorf("%s: readiness says %v", what, err)
		}
	}
	check("at first")
	if err := w.gold.Bring(t.Context()); err != nil {
		t.Errorf("it is told twice: %v", err)
	}
	deaths := w.gold.cfg.Deaths
	delete(deaths.counts, "gold.counts") // as a home that was lost
	w.start()
	w.gold.cfg.Deaths = deaths
	if err := w.gold.Bring(t.Context()); err != nil {
		t.Errorf("a start: %v", err)
	}
	check("after a start")

	w.model("counts.sql", mended+"-- mended\n"+"order by day\n")
	w.start()
	w.gold.cfg.Deaths = deaths
	w.bring()
	if err := w.failed(); err != nil {
		t.Errorf("mended, and readiness says %v", err)
	}
	if n := len(w.rows("gold.counts", "day", "true")); n != 4 {
		t.Errorf("gold.counts has %d rows, want 4", n)
	}
}

// A database that ends while a model is computed is a death of the model's, although the process ends in order: the next one computes the models
// one by one.
func TestADatabaseThatEndsLeavesTheMark(t *testing.T) {
	w := openWorkshop(t)
	home := t.TempDir()
	d, err := OpenDeaths(home, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	w.gold.cfg.Deaths = d
	m := w.gold.set.Models[0]
	w.gold.computing(m)()
	d.Close()
	if d, err = OpenDeaths(home, slog.New(slog.DiscardHandler)); err != nil || d.suspects(w.gold.set) {
		t.Fatalf("a model that was computed to its end is suspect, %v", err)
	}
	w.gold.cfg.Deaths = d
	over := w.gold.computing(m)
	const broken = "select cume_dist(order by n desc) over (partition by n % 3 order by n rows between 3 following and 1 following) from range(100) as r(n)"
	if err := w.conn.Exec(t.Context(), broken); !duck.Internal(err) {
		t.Fatalf("the statement that ends a database: %v", err)
	}
	over()
	d.Close()
	if d, err = OpenDeaths(home, slog.New(slog.DiscardHandler)); err != nil || !d.suspects(w.gold.set) || len(d.held(w.gold.set)) > 0 {
		t.Errorf("the model is suspect %v and held %v, %v", d.suspects(w.gold.set), d.held(w.gold.set), err)
	}
	d.Close()
}

// A step notes which model is computed, and nothing when it has ended.
func TestTheModelThatIsComputedIsNoted(t *testing.T) {
	w := openWorkshop(t, "beside.sql", beside)
	d, err := OpenDeaths(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	w.gold.cfg.Deaths = d
	w.days("2026-01-20", 3, "bitcoin")
	var noted []string
	set := w.gold.set.Without()
	set.Computing = func(m *gold.Model) func() {
		over := d.computing(m)
		text, err := os.ReadFile(d.own + "/now")
		if err != nil || len(text) != markBytes {
			t.Errorf("the mark has %d bytes, %v", len(text), err)
		}
		noted = append(noted, string(text))
		return over
	}
	for _, m := range set.Models {
		set.Computing(m)()
	}
	for i, m := range set.Models {
		if !strings.Contains(noted[i], `"model":"`+m.Name+`"`) || !strings.Contains(noted[i], m.Digest) {
			t.Errorf("the mark of %s is %q", m.Name, noted[i])
		}
	}
	w.bring()
	if text, err := os.ReadFile(d.own + "/now"); err != nil || strings.Contains(string(text), "gold.") {
		t.Errorf("after a step the mark is %q, %v", text, err)
	}
}

// BenchmarkMark is what each model of a step pays.
func BenchmarkMark(b *testing.B) {
	d, err := OpenDeaths(b.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	for b.Loop() {
		d.computing(suspect)()
	}
}
