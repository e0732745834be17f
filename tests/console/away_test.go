//go:build console

package console

import (
	"strings"
	"syscall"
	"testing"
)

// An outage is when people look: the first page shows which part does not answer, the others say so in their place, and all is well
// again without a reload.
func TestPagesSayWhatIsAway(t *testing.T) {
	c := start(t)
	c.fill(t)
	for _, away := range []struct {
		name, part string
		pid        int
		pages      []string // one that does without it, and one that cannot
	}{
		{"the store", "object_storage", c.ChildPID(t, "minio"), []string{"/", "/tables", "/bronze"}},
		{"the broker", "nats", c.Process().PID(), []string{"/", "/market", "/letters"}}, // the stack's process holds it
	} {
		t.Run(away.name, func(t *testing.T) {
			b := open(t)
			b.as(t, look{1440, false})
			b.visit(t, c.address+"/?token="+c.token)
			b.sees(t, "Healthy")
			signal(t, away.pid, syscall.SIGSTOP)
			t.Cleanup(func() { signal(t, away.pid, syscall.SIGCONT) })
			b.sees(t, "Not ready")
			b.sees(t, away.part+":")
			b.sees(t, "stack up") // what to do
			b.picture(t, *pictures, "away-"+away.part)
			other := open(t)
			other.as(t, look{1440, false})
			for i, page := range away.pages {
				other.visit(t, c.address+page+"?token="+c.token)
				want := []string{"Not ready", "", "no answer in time"}[i]
				if text := other.text(t); !strings.Contains(text, want) || want == "" && strings.Contains(text, "in time") || strings.Contains(text, "deadline") {
					t.Errorf("while %s is away, %s shows\n%s", away.name, page, text)
				}
				other.picture(t, *pictures, "away-"+away.part+page)
			}
			other.sees(t, "The page Now shows which part does not answer")
			signal(t, away.pid, syscall.SIGCONT)
			b.sees(t, "Healthy")
		})
	}
	c.CheckEqual(t)
}

func signal(t *testing.T, pid int, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, s); err != nil {
		t.Fatal(err)
	}
}

// A lake in which nothing is says on each page what would be there.
func TestAnEmptyLakeIsForPeopleToo(t *testing.T) {
	c := start(t)
	b := open(t)
	b.visit(t, c.address+"/?token="+c.token)
	for _, look := range []look{{390, true}, {1440, false}} {
		b.as(t, look)
		for _, page := range []string{
			"/", "/tables", "/tables/gold.rankings", "/tables/gold.rankings/profile", "/tables/gold.rankings/snapshots", "/tables/gold.rankings/changes", "/bronze",
			"/sql", "/market", "/letters", "/replay", "/replay?dataset=coincap%2Fassets", "/lineage", "/lineage/audits?table=gold.rankings", "/search?q=bitcoin",
		} {
			b.visit(t, c.address+page)
			if ask[bool](t, b, "document.documentElement.scrollWidth > document.documentElement.clientWidth") {
				t.Errorf("%s at %s is wider than its window", page, look)
			}
			for _, complaint := range b.complaints() {
				t.Errorf("%s at %s: %s", page, look, complaint)
			}
			b.picture(t, *pictures, "empty"+page+"-"+look.String())
		}
	}
	b.visit(t, c.address+"/market")
	b.sees(t, "ingestor")
}
