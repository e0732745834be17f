//go:build interop

// Package crowd has eight clients work on one table at once: writers by the REST catalog, writers by the database, the reactor, and
// readers. What each was told is done must be there once, and nobody may see half of a commit to several tables.
package crowd

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"millrace/infra/process"
	"millrace/tests/harness"
	"millrace/tests/harness/buffer"
	"millrace/tests/harness/coin"
)

var crowded = flag.Duration("crowd", 30*time.Second, "how long the clients work")

// client is a process of client.py.
type client struct {
	name, mode, kind string
	cmd              *exec.Cmd
	in               io.WriteCloser
	log              buffer.Locked
	done             chan struct{}

	mu        sync.Mutex
	ready     bool
	ended     bool
	rows      []int
	conflicts int
	steps     int
	seconds   []float64
	half      []string
}

// line is what a client prints.
type line struct {
	Ready, Ended bool
	Row          *int
	Conflicts    int
	Step         *int
	Seconds      float64
	Half         string
}

func start(t *testing.T, s *harness.Stack, mode, kind, name string) *client {
	t.Helper()
	root := harness.Root(t)
	c := &client{name: name, mode: mode, kind: kind, done: make(chan struct{})}
	c.cmd = exec.Command(filepath.Join(root, ".venv-interop", "bin", "python"), filepath.Join(root, "tests", "interop", "crowd", "client.py"), mode, kind, name)
	role := "analyst"
	if mode == "write" {
		role = "owner"
	}
	c.cmd.Env = append(s.Env(t, role), "PYTHONDONTWRITEBYTECODE=1", "TZ=UTC")
	c.cmd.SysProcAttr, c.cmd.Stderr = process.Attributes(), &c.log
	var err error
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	started := make(chan error)
	go func() {
		defer close(c.done)
		runtime.LockOSThread() // the kernel ends the client when the thread that started it ends
		err := c.cmd.Start()
		started <- err
		if err == nil {
			c.listen(out)
			_ = c.cmd.Wait() // it has said that it ended, or the test says that it did not
		}
	}()
	if err := <-started; err != nil {
		t.Fatalf("start PyIceberg: %v; `go tool task interop:install` installs it", err)
	}
	t.Cleanup(func() { _ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL) })
	return c
}

func (c *client) listen(out io.Reader) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var l line
		err := json.Unmarshal(lines.Bytes(), &l)
		c.mu.Lock()
		switch {
		case err != nil:
			c.half = append(c.half, "a line that is no JSON: "+lines.Text())
		case l.Row != nil:
			c.rows, c.conflicts, c.seconds = append(c.rows, *l.Row), c.conflicts+l.Conflicts, append(c.seconds, l.Seconds)
		case l.Step != nil:
			c.steps, c.seconds = c.steps+1, append(c.seconds, l.Seconds)
		case l.Half != "":
			c.half = append(c.half, l.Half)
		}
		c.ready, c.ended = c.ready || l.Ready, c.ended || l.Ended
		c.mu.Unlock()
	}
}

// stop lets the client end what it does, and fails the test when it did not end well, or saw what must not be.
func (c *client) stop(t *testing.T) {
	t.Helper()
	_ = c.in.Close() // it is closed when the client has ended, which is told below
	select {
	case <-c.done:
	case <-time.After(harness.Patience):
		t.Errorf("%s does not end", c.name)
	}
	text := c.log.String()
	if !c.ended {
		t.Errorf("%s ended before its time: …%s", c.name, text[max(0, len(text)-3000):])
	}
	for _, half := range c.half {
		t.Errorf("%s: %s", c.name, half)
	}
	slices.Sort(c.seconds)
	// One row took up to two minutes beside three other writers on a busy machine: of a short run one is enough, of a long one it is not.
	if least := max(1, int(crowded.Minutes())); len(c.seconds) < least {
		t.Errorf("%s did %d times what it does, want %d: it proves nothing", c.name, len(c.seconds), least)
	}
	if len(c.seconds) == 0 {
		return
	}
	t.Logf("%-14s %s by %-4s: %4d times, %3d conflicts, %.2f s in the middle, %.2f s at most", c.name, c.mode, c.kind, len(c.seconds), c.conflicts, c.seconds[len(c.seconds)/2], c.seconds[len(c.seconds)-1])
}

func TestEightClientsOnOneTable(t *testing.T) {
	s := harness.Start(t)
	put := func(i int) {
		at := coin.Day(time.June, 10).Add(time.Duration(i) * time.Second)
		s.Put(t, coin.AssetsKey(fmt.Sprintf("live-%06d.json", i)), coin.Assets(at, coin.Asset("live", fmt.Sprint(i+1), fmt.Sprint(i+1))), nil)
	}
	put(0)
	s.Wait(t, coin.AssetsKey("live-000000.json"))
	clients := []*client{
		start(t, s, "write", "rest", "rest-writer-1"), start(t, s, "write", "rest", "rest-writer-2"), start(t, s, "write", "sql", "sql-writer-1"), start(t, s, "write", "sql", "sql-writer-2"),
		start(t, s, "read", "rest", "rest-reader"), start(t, s, "read", "sql", "sql-reader"),
	}
	for _, c := range clients {
		harness.Eventually(t, c.name+" is ready", func() bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.ready
		})
	}
	puts, looks := beside(t, s, put)
	for _, c := range clients {
		c.stop(t)
	}
	t.Logf("the reactor promoted %d objects; reactor query looked %d times", puts, looks)
	if puts < 5 || looks < 2 {
		t.Errorf("%d objects and %d looks prove nothing", puts, looks)
	}
	s.Wait(t, coin.AssetsKey(fmt.Sprintf("live-%06d.json", puts-1)))
	everythingOnce(t, s, puts, clients[:4])
}

// putEvery is the pace of the objects. PyIceberg takes one to three seconds from what it read to its commit on a busy machine: beside a
// commit of the reactor each second, four such writers got one row each in five minutes.
const putEvery = 4 * time.Second

// beside puts objects while the eighth client asks gold by `reactor query`, until the time is over.
func beside(t *testing.T, s *harness.Stack, put func(int)) (puts, looks int) {
	var over atomic.Bool
	var query sync.WaitGroup
	query.Go(func() {
		for !over.Load() {
			r := s.Run(t, "reactor", "query", "--output", "csv", `select count(*) as n from gold.daily_summary as d full join gold.rankings as r using (asset_id, day)
				where d.asset_id is null or r.asset_id is null or d.market_cap_usd is distinct from r.market_cap_usd`)
			if r.Code != 0 || r.Stdout != "n\n0\n" {
				t.Errorf("reactor query sees half of a commit: %s", r)
			}
			looks++
		}
	})
	tick := time.NewTicker(putEvery)
	defer tick.Stop()
	puts = 1
	for end := time.Now().Add(*crowded); time.Now().Before(end); puts++ {
		<-tick.C
		put(puts)
	}
	over.Store(true)
	query.Wait()
	return puts, looks
}

// everythingOnce holds silver and gold against what the clients were told is done.
func everythingOnce(t *testing.T, s *harness.Stack, puts int, writers []*client) {
	want := map[string]int{"live": puts}
	for _, w := range writers {
		want[w.name] = len(w.rows)
	}
	var silver, gold []string
	for name, n := range want {
		if n == 0 {
			continue // the test has failed, and says so above
		}
		// Row i has the price i + 1, so that rows, their sum and their keys tell one lost and one doubled from none.
		silver = append(silver, fmt.Sprintf("%s,%d,%d,%d", name, n, n, n*(n+1)/2))
		gold = append(gold, fmt.Sprintf("%s,%d,%d", name, n, n))
	}
	expect := func(what, sql string, rows []string) {
		t.Helper()
		slices.Sort(rows)
		text := ""
		defer func() { t.Logf("%s\n%s", what, text) }()
		harness.Eventually(t, what+" has what was acknowledged, once", func() bool {
			lines := strings.Split(strings.TrimSpace(s.CSV(t, sql)), "\n")
			text = strings.Join(lines, "\n")
			return slices.Equal(lines[1:], rows)
		})
	}
	expect("silver", "select asset_id, count(*) as n, count(distinct observed_at) as keys, sum(price_usd)::bigint as total from silver.asset_snapshots group by all order by asset_id", silver)
	expect("gold", "select asset_id, sum(n_samples)::bigint as n, max(market_cap_usd)::bigint as cap from gold.daily_summary group by all order by asset_id", gold)
}
