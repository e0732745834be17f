package coincap_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"millrace/reactor/silver"
	"millrace/reactor/silver/silvertest"
)

// watchHeap samples the heap until the returned function is called, which tells its highest size.
//
// The collector works hard meanwhile: how much garbage there is at a moment depends on the machine's load, and what is
// alive does not.
func watchHeap(t *testing.T) func() uint64 {
	t.Helper()
	before := debug.SetGCPercent(20)
	t.Cleanup(func() { debug.SetGCPercent(before) })
	stop, done := make(chan struct{}), make(chan uint64)
	go func() {
		var m runtime.MemStats
		var peak uint64
		for {
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapAlloc)
			select {
			case <-stop:
				done <- peak
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	return func() uint64 { close(stop); return <-done }
}

// repeated is a payload that is made while it is read: head, then n times the row, then tail.
type repeated struct {
	head, row, tail string
	n               int
	packed          bool
	opened          *int
}

func (r repeated) Open(context.Context) (io.ReadCloser, error) {
	*r.opened++
	pr, pw := io.Pipe()
	go func() {
		var w io.Writer = pw
		finish := pw.Close
		if r.packed {
			z := gzip.NewWriter(pw)
			w, finish = z, func() error { return pw.CloseWithError(z.Close()) }
		}
		chunk := bytes.Repeat([]byte(r.row), 1000)
		_, err := io.WriteString(w, r.head)
		for i := 0; i < r.n && err == nil; i += 1000 {
			_, err = w.Write(chunk)
		}
		if err == nil {
			_, err = io.WriteString(w, r.tail)
		}
		if err == nil {
			err = finish()
		}
		_ = pw.CloseWithError(err)
	}()
	return pr, nil
}

func (r repeated) ReaderAt(context.Context) (io.ReaderAt, int64, func() error, error) {
	return nil, 0, nil, fmt.Errorf("not Parquet")
}

// Memory does not grow with the object: 30 to 40 MB of each form pass through a heap of a few.
func TestLargeObjectsStream(t *testing.T) {
	const n = 200_000
	row := `{"id":"bitcoin","priceUsd":"119753.3173109070855685","supply":"19904934.0000000000000000","name":"Bitcoin","symbol":"BTC"}`
	last := strings.Replace(row, "bitcoin", "last", 1)
	for _, c := range []struct {
		name   string
		file   string
		p      repeated
		opened int
	}{
		{"timestamp first", "x.json", repeated{head: `{` + stamp + `,"data":[`, row: row + ",\n", tail: last + "]}"}, 1},
		{"timestamp behind the data", "x.json", repeated{head: `{"data":[`, row: row + ",\n", tail: last + "]," + stamp + "}"}, 2},
		{"gzip, timestamp behind the data", "x.json.gz", repeated{head: `{"data":[`, row: row + ",\n", tail: last + "]," + stamp + "}", packed: true}, 2},
		{"lines", "x.ndjson", repeated{row: strings.Replace(row, "{", "{"+stamp+",", 1) + "\n", tail: `{` + stamp + `,"id":"last"}`}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			opened := 0
			c.p.n, c.p.opened = n, &opened
			runtime.GC()
			peak := watchHeap(t)
			s := &silvertest.Discard{}
			err := coincap.Assets.Decode(context.Background(), silvertest.Source(coincap.Assets, c.file), c.p, s)
			if err != nil || s.Good != n+1 || s.Refused != 0 {
				t.Errorf("%v: %d rows, %d refused", err, s.Good, s.Refused)
			}
			if p := peak(); p > 64<<20 {
				t.Errorf("the heap grew to %d MiB", p>>20)
			}
			if opened != c.opened {
				t.Errorf("the payload was opened %d times, want %d", opened, c.opened)
			}
		})
	}
}

// One row of 100,000 unknown fields: all are kept, and it takes no time worth mentioning.
func TestManyUnknownFields(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"id":"a"`)
	for i := range 100_000 {
		fmt.Fprintf(&b, `,"field %d":%d`, i, i)
	}
	b.WriteString("}")
	began := time.Now()
	got := decodeOne(t, coincap.Assets, "x.json", assets(b.String()))
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("it took %s", d)
	}
	if n := strings.Count(got["extra"], `"field `); n != 100_000 {
		t.Errorf("extra has %d of 100,000 fields", n)
	}
}

func TestCancelledDecodeStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	sink := cancelling{cancel: cancel, Discard: &silvertest.Discard{}}
	opened := 0
	p := repeated{row: `{"id":"a",` + stamp + "}\n", n: 100_000, opened: &opened}
	err := coincap.Assets.Decode(ctx, silvertest.Source(coincap.Assets, "x.ndjson"), p, sink)
	if err != context.Canceled || sink.Good > 8192 {
		t.Errorf("%v after %d rows", err, sink.Good)
	}
}

type cancelling struct {
	*silvertest.Discard
	cancel func()
}

func (c cancelling) Rows(b arrow.RecordBatch) error { c.cancel(); return c.Discard.Rows(b) }

var _ silver.Sink = cancelling{}
