package airflow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"millrace/infra/settings"
)

const summaries = "s3://lakehouse/gold/daily_summary"

// desk is a reporter with what is around it: an Airflow, a catalog, a log.
type desk struct {
	*Reporter
	t        testing.TB
	registry *prometheus.Registry
	log      *lockedBuffer

	mu      sync.Mutex
	airflow settings.Airflow
	none    bool
	broken  error // of the look for Airflow
	catalog []Report
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newDesk(t testing.TB, at settings.Airflow, catalog ...Report) *desk {
	d := &desk{t: t, airflow: at, catalog: catalog, registry: prometheus.NewRegistry(), log: &lockedBuffer{}}
	d.Reporter = New("lakehouse", func() (settings.Airflow, bool, error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.airflow, !d.none, d.broken
	}, func(context.Context) ([]Report, error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		return append([]Report(nil), d.catalog...), nil
	}, slog.New(slog.NewTextHandler(d.log, &slog.HandlerOptions{Level: slog.LevelDebug})), d.registry)
	return d
}

// commit is one of gold: the catalog has it, then the reporter hears of it.
func (d *desk) commit(r Report) {
	d.elsewhere(r)
	d.Add(r)
}

// elsewhere is a commit by another reactor.
func (d *desk) elsewhere(r Report) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, c := range d.catalog {
		if c.Table == r.Table {
			d.catalog[i] = Report{Table: r.Table, SnapshotID: r.SnapshotID, Step: r.Step}
			return
		}
	}
	d.catalog = append(d.catalog, Report{Table: r.Table, SnapshotID: r.SnapshotID, Step: r.Step})
}

// goes is a round that finds Airflow and sends everything that it can.
func (d *desk) goes() {
	d.t.Helper()
	if found, err := d.round(d.t.Context()); !found || err != nil {
		d.t.Fatalf("round: %v, %v", found, err)
	}
}

// fails is a round that does not.
func (d *desk) fails(want string) {
	d.t.Helper()
	if found, err := d.round(d.t.Context()); !found || err == nil || !strings.Contains(err.Error(), want) {
		d.t.Fatalf("round: %v, %v, want an error with %q", found, err, want)
	}
}

// count is the metric of a table's outcome.
func (d *desk) count(table, outcome string) int {
	d.t.Helper()
	families, err := d.registry.Gather()
	if err != nil {
		d.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if f.GetName() == "millrace_airflow_reports_total" && labels["table"] == table && labels["outcome"] == outcome {
				return int(m.GetCounter().GetValue())
			}
		}
	}
	return 0
}

// told are the snapshots and days of an asset's events.
func told(f *fake, id int) string {
	var events []string
	for _, extra := range f.told(id) {
		text := fmt.Sprint(extra["snapshot_id"])
		if extra["days"] != nil {
			text += " " + fmt.Sprint(extra["days"])
		}
		events = append(events, text)
	}
	return strings.Join(events, ", ")
}

func want(t testing.TB, f *fake, id int, events string) {
	t.Helper()
	if got := told(f, id); got != events {
		t.Errorf("asset %d has the events %q, want %q", id, got, events)
	}
}

func rankings(t testing.TB, n int64, changed ...string) Report {
	return Report{Table: "gold.rankings", SnapshotID: n, Step: n, Since: n - 1, Days: days(t, changed...)}
}

func TestACommitIsAnEventOfEachTableItWrote(t *testing.T) {
	f := newFake(t, summaries, ranking)
	d := newDesk(t, f.at())
	d.goes() // an empty lake has nothing to tell
	d.commit(Report{Table: "gold.daily_summary", SnapshotID: 100, Step: 1, Days: days(t, "2026-01-01")})
	d.commit(rankings(t, 1, "2026-01-01..2026-01-08"))
	d.goes()
	d.commit(rankings(t, 2, "2026-01-09"))
	d.goes()
	d.goes()
	want(t, f, 1, "100 2026-01-01")
	want(t, f, 2, "1 2026-01-01..2026-01-08, 2 2026-01-09")
	if d.count("gold.rankings", sent) != 2 || d.count("gold.daily_summary", sent) != 1 {
		t.Error("not each event is counted")
	}
	if log := d.log.String(); log != "" {
		t.Errorf("what goes well is logged: %s", log)
	}
	if n := f.made("POST /auth/token"); n != 1 {
		t.Errorf("%d log-ins", n)
	}
}

func TestWhatAirflowCannotTakeIsMergedAndSentLater(t *testing.T) {
	f := newFake(t, summaries, ranking)
	f.refuse = func(*http.Request) int { return http.StatusInternalServerError }
	d := newDesk(t, f.at())
	for n := range int64(40) {
		d.commit(rankings(t, n+1, fmt.Sprintf("2026-01-%02d", n%20+1)))
		if n%10 == 0 {
			d.fails("report gold.rankings: log into Airflow")
		}
	}
	if len(d.pending) != 1 {
		t.Errorf("%d reports wait for one table", len(d.pending))
	}
	f.set(func() { f.refuse = nil })
	d.goes()
	want(t, f, 2, "40 2026-01-01..2026-01-20")
	d.commit(rankings(t, 41, "2026-02-01"))
	d.goes()
	want(t, f, 2, "40 2026-01-01..2026-01-20, 41 2026-02-01")
	if d.count("gold.rankings", failed) != 4 || d.count("gold.rankings", sent) != 2 {
		t.Errorf("failed %d, sent %d", d.count("gold.rankings", failed), d.count("gold.rankings", sent))
	}
}

func TestARefusalOfOneAssetKeepsNoOtherBack(t *testing.T) {
	f := newFake(t, summaries, ranking)
	d := newDesk(t, f.at())
	d.commit(Report{Table: "gold.daily_summary", SnapshotID: 100, Step: 1, Days: days(t, "2026-01-01")})
	d.commit(rankings(t, 1, "2026-01-01"))
	f.refuse = func(r *http.Request) int {
		if r.URL.Query().Get("asset_id") == "1" {
			return http.StatusForbidden
		}
		return 0
	}
	d.fails("report gold.daily_summary: Airflow answers GET /api/v2/assets/events with 403 Forbidden: scripted")
	want(t, f, 1, "")
	want(t, f, 2, "1 2026-01-01")
	f.set(func() { f.refuse = nil })
	d.goes()
	want(t, f, 1, "100 2026-01-01")
	want(t, f, 2, "1 2026-01-01")
}

func TestAWrongPasswordIsTriedOnceARound(t *testing.T) {
	f := newFake(t, summaries, ranking)
	at := f.at()
	at.Password = "other"
	d := newDesk(t, at)
	d.commit(Report{Table: "gold.daily_summary", SnapshotID: 100, Step: 1})
	d.commit(rankings(t, 1, "2026-01-01"))
	d.fails("MILLRACE_AIRFLOW_PASSWORD")
	if n := f.made("POST /auth/token"); n != 1 {
		t.Errorf("%d log-ins with a wrong password", n)
	}
	d.mu.Lock()
	d.airflow = f.at()
	d.mu.Unlock()
	d.goes()
	want(t, f, 2, "1 2026-01-01")
}

func TestAnUnreachableAirflowIsCalledOnceARound(t *testing.T) {
	f := newFake(t, summaries, ranking)
	at := f.at()
	f.Close()
	d := newDesk(t, at, Report{Table: "gold.daily_summary", SnapshotID: 100, Step: 1}, Report{Table: "gold.rankings", SnapshotID: 101, Step: 1})
	d.fails("report gold.daily_summary")
	if a, b := d.count("gold.daily_summary", failed), d.count("gold.rankings", failed); a != 1 || b != 0 {
		t.Errorf("calls for %d and %d tables", a, b)
	}
	if len(d.pending) != 2 {
		t.Errorf("%d of 2 reports wait", len(d.pending))
	}
}

func TestARestartReportsOnlyWhatIsMissing(t *testing.T) {
	f := newFake(t, summaries, ranking)
	f.events[1] = []map[string]any{{"snapshot_id": "99"}, {"snapshot_id": "100"}, {"by": "hand"}}
	f.events[2] = []map[string]any{{"snapshot_id": "100"}}
	catalog := []Report{{Table: "gold.daily_summary", SnapshotID: 100, Step: 8}, {Table: "gold.rankings", SnapshotID: 102, Step: 9}}
	for range 2 {
		d := newDesk(t, f.at(), catalog...)
		d.goes()
		d.goes()
	}
	if got := told(f, 1); got != "99, 100, <nil>" {
		t.Errorf("what is there already was repeated: %s", got)
	}
	want(t, f, 2, "100, 102") // the days are not known
	d := newDesk(t, f.at(), catalog...)
	d.commit(Report{Table: "gold.rankings", SnapshotID: 103, Step: 10, Since: 102, Days: days(t, "2026-01-01")})
	d.goes()
	want(t, f, 2, "100, 102, 103 2026-01-01")
	if d.count("gold.daily_summary", known) != 1 || d.count("gold.rankings", sent) != 1 {
		t.Errorf("known %d, sent %d", d.count("gold.daily_summary", known), d.count("gold.rankings", sent))
	}
}

func TestAReportWhoseAnswerWasLostIsNotRepeated(t *testing.T) {
	f := newFake(t, summaries, ranking)
	f.answerLost = true
	d := newDesk(t, f.at())
	d.commit(rankings(t, 1, "2026-01-01"))
	d.fails("502 Bad Gateway")
	d.goes()
	want(t, f, 2, "1 2026-01-01")
	if d.count("gold.rankings", known) != 1 {
		t.Error("it does not count as known")
	}
}

// A reactor that has lost its pin may have reports left from when it had it.
func TestAnOldSnapshotDoesNotComeAfterANewerOne(t *testing.T) {
	f := newFake(t, summaries, ranking)
	d, other := newDesk(t, f.at()), newDesk(t, f.at())
	d.goes()
	other.goes()
	d.commit(rankings(t, 1, "2026-01-01"))
	for n := int64(2); n <= 3; n++ {
		other.commit(rankings(t, n, fmt.Sprintf("2026-01-%02d", n)))
		d.elsewhere(rankings(t, n))
	}
	other.goes()
	d.goes()
	want(t, f, 2, "3") // what the first one changed, the second does not know
	other.commit(rankings(t, 4, "2026-01-04"))
	other.goes()
	want(t, f, 2, "3, 4 2026-01-04")
}

func TestATableThatNoDAGNamesIsNoErrorAndIsOfferedAgain(t *testing.T) {
	f := newFake(t, summaries)
	d := newDesk(t, f.at())
	d.commit(rankings(t, 1, "2026-01-01"))
	d.goes()
	d.goes()
	if d.untilNext() != askAgain || d.count("gold.rankings", unasked) != 1 {
		t.Errorf("next in %v, counted %d times", d.untilNext(), d.count("gold.rankings", unasked))
	}
	if log := d.log.String(); strings.Count(log, "\n") != 1 || !strings.Contains(log, "level=DEBUG") || !strings.Contains(log, ranking) {
		t.Errorf("the log: %s", log)
	}
	d.commit(rankings(t, 2, "2026-01-02"))
	d.goes()
	f.set(func() { f.assets[2] = ranking })
	d.goes()
	want(t, f, 2, "2 2026-01-01..2026-01-02")
	if d.untilNext() != 0 {
		t.Errorf("something waits still, for %v", d.untilNext())
	}
}

func TestAnAssetThatWasMadeAgainIsFoundAgain(t *testing.T) {
	f := newFake(t, summaries, ranking)
	d := newDesk(t, f.at())
	d.commit(rankings(t, 1, "2026-01-01"))
	d.goes()
	f.set(func() {
		delete(f.assets, 2)
		f.assets[7] = ranking
	})
	d.commit(rankings(t, 2, "2026-01-02"))
	d.fails("404 Not Found")
	d.goes()
	want(t, f, 7, "2") // a new asset, without events: all of the table is new to it
}

func TestAnotherAirflowIsToldWhatGoldIs(t *testing.T) {
	first, second := newFake(t, summaries, ranking), newFake(t, summaries, ranking)
	d := newDesk(t, first.at())
	for n, f := range []*fake{first, second} {
		d.mu.Lock()
		d.airflow = f.at()
		d.mu.Unlock()
		d.commit(Report{Table: "gold.daily_summary", SnapshotID: int64(100 + n), Step: int64(n + 1)})
		if n == 0 {
			d.commit(rankings(t, 1, "2026-01-01"))
		}
		d.goes()
	}
	want(t, first, 2, "1 2026-01-01")
	want(t, second, 2, "1")
}

func TestAddDoesNotWaitForAirflow(t *testing.T) {
	f := newFake(t, summaries, ranking)
	called, answer := make(chan struct{}), make(chan struct{})
	f.refuse = func(r *http.Request) int {
		if r.Method+r.URL.Path == "POST/api/v2/assets/events" {
			called <- struct{}{}
			<-answer
		}
		return 0
	}
	d := newDesk(t, f.at())
	d.commit(rankings(t, 1, "2026-01-01"))
	done := make(chan error)
	go func() {
		_, err := d.round(context.Background())
		done <- err
	}()
	<-called
	for n := int64(2); n <= 5; n++ {
		d.commit(rankings(t, n, fmt.Sprintf("2026-01-%02d", n)))
	}
	answer <- struct{}{}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	f.set(func() { f.refuse = nil })
	d.goes()
	want(t, f, 2, "1 2026-01-01, 5 2026-01-02..2026-01-05")
}

// clock takes the place of waiting: it tells how long Run would rest, and goes on when it is told to.
type clock struct {
	t      testing.TB
	rests  chan time.Duration
	wakes  chan bool // whether a commit would end the rest
	resume chan struct{}
}

func (d *desk) runs(ctx context.Context) (c *clock, ended chan error) {
	c = &clock{t: d.t, rests: make(chan time.Duration), wakes: make(chan bool, 1), resume: make(chan struct{})}
	d.rest = func(ctx context.Context, rest time.Duration, wake <-chan struct{}) {
		c.wakes <- wake != nil
		select {
		case c.rests <- rest:
		case <-ctx.Done():
			return
		}
		select {
		case <-c.resume:
		case <-wake:
		case <-ctx.Done():
		}
	}
	ended = make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	return c, ended
}

// rested is the next rest that Run takes, and whether a commit ends it.
func (c *clock) rested() (d time.Duration, untilCommit bool) {
	c.t.Helper()
	select {
	case d = <-c.rests:
		return d, <-c.wakes
	case <-time.After(time.Minute):
		c.t.Fatal("it does not come to rest")
		return 0, false
	}
}

func TestAnAirflowThatIsAwayIsSaidOnceAndTriedLessAndLess(t *testing.T) {
	f := newFake(t, summaries, ranking)
	f.refuse = func(*http.Request) int { return http.StatusServiceUnavailable }
	d := newDesk(t, f.at())
	d.commit(rankings(t, 1, "2026-01-01"))
	ctx, cancel := context.WithCancel(t.Context())
	c, ended := d.runs(ctx)
	var longest time.Duration
	for i := range 20 {
		rest, untilCommit := c.rested()
		least := min(firstDelay<<min(i/3, 6), longestDelay) / 2
		if rest < least || rest > time.Minute || untilCommit {
			t.Errorf("rest %d is %v, want at least %v; a commit would end it: %v", i, rest, least, untilCommit)
		}
		longest = max(longest, rest)
		d.commit(rankings(t, int64(i+2), "2026-01-02"))
		c.resume <- struct{}{}
	}
	if longest < longestDelay/2 {
		t.Errorf("the longest of 20 rests is %v", longest)
	}
	if rest, _ := c.rested(); rest == 0 {
		t.Error("it gave up")
	}
	f.set(func() { f.refuse = nil })
	c.resume <- struct{}{}
	if rest, untilCommit := c.rested(); rest != 0 || !untilCommit {
		t.Errorf("with nothing to do it rests %v, until a commit: %v", rest, untilCommit)
	}
	c.rested() // the commits of the time before woke it once more, for nothing
	want(t, f, 2, "21 2026-01-01..2026-01-02")
	if log := d.log.String(); strings.Count(log, "\n") != 2 || strings.Count(log, "level=WARN") != 1 || strings.Count(log, "level=INFO") != 1 || !strings.Contains(log, "503") {
		t.Errorf("the log: %s", log)
	}
	d.commit(rankings(t, 22, "2026-01-03"))
	c.rested()
	want(t, f, 2, "21 2026-01-01..2026-01-02, 22 2026-01-03")
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("the end: %v", err)
	}
}

func TestOneFailureIsNothingToSay(t *testing.T) {
	f := newFake(t, summaries, ranking)
	f.refuse = func(*http.Request) int {
		f.refuse = nil // a request that met another writer of SQLite
		return http.StatusInternalServerError
	}
	d := newDesk(t, f.at())
	d.commit(rankings(t, 1, "2026-01-01"))
	c, _ := d.runs(t.Context())
	if rest, _ := c.rested(); rest > 2*firstDelay {
		t.Errorf("it is tried again after %v", rest)
	}
	c.resume <- struct{}{}
	c.rested()
	want(t, f, 2, "1 2026-01-01")
	if log := d.log.String(); log != "" {
		t.Errorf("the log: %s", log)
	}
}

func TestALocalAirflowThatStartsLaterIsFoundQuietly(t *testing.T) {
	f := newFake(t, summaries, ranking)
	d := newDesk(t, f.at(), Report{Table: "gold.daily_summary", SnapshotID: 100, Step: 1})
	d.none = true
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c, ended := d.runs(ctx)
	for n := range int64(3) {
		if rest, untilCommit := c.rested(); rest != lookAgain || untilCommit {
			t.Errorf("it looks again after %v, or with the next commit: %v", rest, untilCommit)
		}
		d.commit(rankings(t, n+1, fmt.Sprintf("2026-01-%02d", n+1)))
		c.resume <- struct{}{}
	}
	c.rested()
	d.mu.Lock()
	d.none = false
	d.mu.Unlock()
	c.resume <- struct{}{}
	c.rested()
	want(t, f, 1, "100")
	want(t, f, 2, "3 2026-01-01..2026-01-03")
	if log := d.log.String(); log != "" {
		t.Errorf("it is not quiet: %s", log)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("the end: %v", err)
	}
}

func TestABrokenFileOfTheStackIsSaidAndTriedAgain(t *testing.T) {
	f := newFake(t, summaries, ranking)
	d := newDesk(t, f.at())
	d.commit(rankings(t, 1, "2026-01-01"))
	d.broken = errors.New("the env file cannot be read")
	if _, err := d.round(t.Context()); err == nil {
		t.Error("no error")
	}
	d.broken = nil
	d.goes()
	want(t, f, 2, "1 2026-01-01")
}

func TestTheRealRestEnds(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	rest(ended, 0, nil)
	rest(ended, time.Hour, nil)
	wake := make(chan struct{}, 1)
	wake <- struct{}{}
	rest(t.Context(), time.Hour, wake)
	rest(t.Context(), time.Nanosecond, nil)
}
