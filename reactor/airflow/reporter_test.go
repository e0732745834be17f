package airflow

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"millrace/infra/airflow/airflowtest"
)

func TestACommitIsAnEventOfEachTableItWrote(t *testing.T) {
	f := airflowtest.New(t, summaries, ranking)
	d := newDesk(t, f.At())
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
	if n := f.Made("POST /auth/token"); n != 1 {
		t.Errorf("%d log-ins", n)
	}
}

func TestWhatAirflowCannotTakeIsMergedAndSentLater(t *testing.T) {
	f := airflowtest.New(t, summaries, ranking)
	f.Refuse = func(*http.Request) int { return http.StatusInternalServerError }
	d := newDesk(t, f.At())
	for n := range int64(40) {
		d.commit(rankings(t, n+1, fmt.Sprintf("2026-01-%02d", n%20+1)))
		if n%10 == 0 {
			d.fails("report gold.rankings: log into Airflow")
		}
	}
	if len(d.pending) != 1 {
		t.Errorf("%d reports wait for one table", len(d.pending))
	}
	f.Set(func() { f.Refuse = nil })
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
	f := airflowtest.New(t, summaries, ranking)
	d := newDesk(t, f.At())
	d.commit(Report{Table: "gold.daily_summary", SnapshotID: 100, Step: 1, Days: days(t, "2026-01-01")})
	d.commit(rankings(t, 1, "2026-01-01"))
	f.Refuse = func(r *http.Request) int {
		if r.URL.Query().Get("asset_id") == "1" {
			return http.StatusForbidden
		}
		return 0
	}
	d.fails("report gold.daily_summary: Airflow answers GET /api/v2/assets/events with 403 Forbidden: scripted")
	want(t, f, 1, "")
	want(t, f, 2, "1 2026-01-01")
	f.Set(func() { f.Refuse = nil })
	d.goes()
	want(t, f, 1, "100 2026-01-01")
	want(t, f, 2, "1 2026-01-01")
}

func TestAWrongPasswordIsTriedOnceARound(t *testing.T) {
	f := airflowtest.New(t, summaries, ranking)
	at := f.At()
	at.Password = "other"
	d := newDesk(t, at)
	d.commit(Report{Table: "gold.daily_summary", SnapshotID: 100, Step: 1})
	d.commit(rankings(t, 1, "2026-01-01"))
	d.fails("MILLRACE_AIRFLOW_PASSWORD")
	if n := f.Made("POST /auth/token"); n != 1 {
		t.Errorf("%d log-ins with a wrong password", n)
	}
	d.mu.Lock()
	d.airflow = f.At()
	d.mu.Unlock()
	d.goes()
	want(t, f, 2, "1 2026-01-01")
}

func TestAnUnreachableAirflowIsCalledOnceARound(t *testing.T) {
	f := airflowtest.New(t, summaries, ranking)
	at := f.At()
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
	f := airflowtest.New(t, summaries, ranking)
	f.Events[1] = []map[string]any{{"snapshot_id": "99"}, {"snapshot_id": "100"}, {"by": "hand"}}
	f.Events[2] = []map[string]any{{"snapshot_id": "100"}}
	catalog := []Report{{Table: "gold.daily_summary", SnapshotID: 100, Step: 8}, {Table: "gold.rankings", SnapshotID: 102, Step: 9}}
	for range 2 {
		d := newDesk(t, f.At(), catalog...)
		d.goes()
		d.goes()
	}
	if got := told(f, 1); got != "99, 100, <nil>" {
		t.Errorf("what is there already was repeated: %s", got)
	}
	want(t, f, 2, "100, 102") // the days are not known
	d := newDesk(t, f.At(), catalog...)
	d.commit(Report{Table: "gold.rankings", SnapshotID: 103, Step: 10, Since: 102, Days: days(t, "2026-01-01")})
	d.goes()
	want(t, f, 2, "100, 102, 103 2026-01-01")
	if d.count("gold.daily_summary", known) != 1 || d.count("gold.rankings", sent) != 1 {
		t.Errorf("known %d, sent %d", d.count("gold.daily_summary", known), d.count("gold.rankings", sent))
	}
}

func TestAReportWhoseAnswerWasLostIsNotRepeated(t *testing.T) {
	f := airflowtest.New(t, summaries, ranking)
	f.AnswerLost = true
	d := newDesk(t, f.At())
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
	f := airflowtest.New(t, summaries, ranking)
	d, other := newDesk(t, f.At()), newDesk(t, f.At())
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
	f := airflowtest.New(t, summaries)
	d := newDesk(t, f.At())
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
	f.Set(func() { f.Assets[2] = ranking })
	d.goes()
	want(t, f, 2, "2 2026-01-01..2026-01-02")
	if d.untilNext() != 0 {
		t.Errorf("something waits still, for %v", d.untilNext())
	}
}

func TestAnAssetThatWasMadeAgainIsFoundAgain(t *testing.T) {
	f := airflowtest.New(t, summaries, ranking)
	d := newDesk(t, f.At())
	d.commit(rankings(t, 1, "2026-01-01"))
	d.goes()
	f.Set(func() {
		delete(f.Assets, 2)
		f.Assets[7] = ranking
	})
	d.commit(rankings(t, 2, "2026-01-02"))
	d.fails("404 Not Found")
	d.goes()
	want(t, f, 7, "2") // a new asset, without events: all of the table is new to it
}

func TestAnotherAirflowIsToldWhatGoldIs(t *testing.T) {
	first, second := airflowtest.New(t, summaries, ranking), airflowtest.New(t, summaries, ranking)
	d := newDesk(t, first.At())
	for n, f := range []*airflowtest.Fake{first, second} {
		d.mu.Lock()
		d.airflow = f.At()
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

func TestABrokenFileOfTheStackIsSaidAndTriedAgain(t *testing.T) {
	f := airflowtest.New(t, summaries, ranking)
	d := newDesk(t, f.At())
	d.commit(rankings(t, 1, "2026-01-01"))
	d.broken = errors.New("the env file cannot be read")
	if _, err := d.round(t.Context()); err == nil {
		t.Error("no error")
	}
	d.broken = nil
	d.goes()
	want(t, f, 2, "1 2026-01-01")
}

func TestAddDoesNotWaitForAirflow(t *testing.T) {
	f := airflowtest.New(t, summaries, ranking)
	called, answer := make(chan struct{}), make(chan struct{})
	f.Refuse = func(r *http.Request) int {
		if r.Method+r.URL.Path == "POST/api/v2/assets/events" {
			called <- struct{}{}
			<-answer
		}
		return 0
	}
	d := newDesk(t, f.At())
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
	f.Set(func() { f.Refuse = nil })
	d.goes()
	want(t, f, 2, "1 2026-01-01, 5 2026-01-02..2026-01-05")
}
