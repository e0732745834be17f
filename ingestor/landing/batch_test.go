package landing

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"millrace/infra/bucket"
	"millrace/infra/settings"
	"millrace/ingestor/bronze"
	"millrace/ingestor/source"
)

// failure is a source's error of the test's making.
type failure struct{ single bool }

func (f *failure) Error() string   { return fmt.Sprintf("failed, single %v", f.single) }
func (f *failure) Retryable() bool { return true }
func (f *failure) Final() bool     { return false }
func (f *failure) Single() bool    { return f.single }

// lander puts into a store that takes everything; ingestor/command has the tests against a real one.
func lander(t *testing.T) (l *Lander, puts *atomic.Int64) {
	t.Helper()
	puts = &atomic.Int64{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			puts.Add(1)
		}
		w.Header().Set("ETag", `"e"`)
	}))
	t.Cleanup(server.Close)
	client, err := settings.S3{Endpoint: server.URL, AccessKey: "a", SecretKey: "b", Region: "us-east-1", Bucket: "lakehouse"}.Client()
	if err != nil {
		t.Fatal(err)
	}
	return New(Config{Store: bucket.Bucket{Client: client, Name: "lakehouse"}, Program: "test"}), puts
}

func today() bronze.Day { return bronze.DayOf(time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)) }

// answer is a call that succeeds after a while with so many items.
func answer(subject string, after time.Duration, items int) Call {
	return One(func(context.Context) (*source.Response, error) {
		time.Sleep(after)
		return &source.Response{
			Place: bronze.Place{Source: "test", Dataset: "things", Stem: subject, Ext: bronze.JSON}, Subject: subject, Items: items,
			Status: http.StatusOK, Body: []byte(subject), Credits: 2,
		}, nil
	})
}

func fails(err error) Call {
	return One(func(context.Context) (*source.Response, error) { return nil, err })
}

func TestResultsAreInTheOrderOfTheCalls(t *testing.T) {
	l, _ := lander(t)
	steps := atomic.Int64{}
	results, err := l.LandAll(t.Context(), Batch{What: "things", Day: today, Step: func() { steps.Add(1) }, Calls: []Call{
		answer("a", 30*time.Millisecond, 1), answer("b", 0, 0), answer("c", 10*time.Millisecond, 3),
	}})
	if err != nil || len(results) != 3 || results[0].Subject != "a" || results[2].Subject != "c" || steps.Load() != 3 {
		t.Fatalf("%+v, %v, %d steps", results, err, steps.Load())
	}
	if r := results[0]; r.Outcome != Put || !r.HasData() || !strings.HasPrefix(r.Key, "bronze/test/things/ingest_date=2026-01-31/a_") || r.Reason != "" {
		t.Errorf("the first is %+v", r)
	}
	if r := results[1]; r.Outcome != NoData || r.HasData() || r.Key == "" || r.Reason == "" {
		t.Errorf("an empty list is kept and no data: %+v", r)
	}
	if calls, credits := l.Used(); calls != 3 || credits != 6 {
		t.Errorf("%d calls and %d credits were counted", calls, credits)
	}
}

func TestOneCallsOwnFailureKeepsNoOtherOut(t *testing.T) {
	l, puts := lander(t)
	results, err := l.LandAll(t.Context(), Batch{What: "things", Day: today, Calls: []Call{
		answer("a", 0, 1), fails(&failure{single: true}), answer("c", 0, 1),
	}})
	var own *failure
	if !errors.As(err, &own) || !strings.Contains(err.Error(), "1 of 3 things failed, the first so: failed") || len(results) != 2 || puts.Load() != 2 {
		t.Errorf("%+v, %v", results, err)
	}
}

func TestAFailureThatAllWouldShareEndsTheBatch(t *testing.T) {
	l, _ := lander(t)
	calls := []Call{fails(&failure{})}
	var late atomic.Int64
	for range 200 {
		calls = append(calls, One(func(ctx context.Context) (*source.Response, error) {
			late.Add(1)
			<-ctx.Done()
			return nil, context.Cause(ctx)
		}))
	}
	_, err := l.LandAll(t.Context(), Batch{What: "things", Day: today, Calls: calls})
	var shared *failure
	if !errors.As(err, &shared) || shared.single {
		t.Errorf("error is %v", err)
	}
	if late.Load() >= 200 {
		t.Error("every other call was made all the same")
	}
}

func TestA404HasNothingToKeep(t *testing.T) {
	l, puts := lander(t)
	r := source.Response{Place: bronze.Place{Source: "test", Dataset: "things", Stem: "x", Ext: bronze.JSON}, Status: http.StatusNotFound, Body: []byte("{}")}
	result, err := l.Land(t.Context(), today(), &r)
	if err != nil || result.Outcome != NoData || result.Key != "" || result.Reason == "" || puts.Load() != 0 {
		t.Errorf("%+v, %v, %d puts", result, err, puts.Load())
	}
}
