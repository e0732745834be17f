package coincap_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"unicode/utf8"

	"millrace/reactor/silver"
	"millrace/reactor/silver/silvertest"
)

// checkAny decodes whatever bytes: either it says why not, or every row has one place, the same each time.
func checkAny(t *testing.T, d *silver.Dataset, file string, body []byte) {
	src := silvertest.Source(d, file, "asset-id", "a", "interval", "d1")
	decode := func() (*silvertest.Sink, error) {
		s := &silvertest.Sink{}
		return s, d.Decode(context.Background(), src, silvertest.Bytes(bytes.Clone(body)), s)
	}
	s, err := decode()
	again, errAgain := decode()
	if (err == nil) != (errAgain == nil) || err != nil && err.Error() != errAgain.Error() {
		t.Fatalf("%v, then %v", err, errAgain)
	}
	if err != nil {
		var u *silver.Unreadable
		if !errors.As(err, &u) || u.Reason == "" || !utf8.ValidString(u.Reason) {
			t.Fatalf("error %q", err)
		}
		return
	}
	if !reflect.DeepEqual(s, again) {
		t.Fatalf("%v, then %v", s, again)
	}
	seen := map[string]bool{}
	for _, r := range append(s.Good, s.Refused...) {
		seen[r["source_row"]] = true
		for column, v := range r {
			if !utf8.ValidString(v) || bytes.IndexByte([]byte(v), 0) >= 0 {
				t.Fatalf("%s = %q", column, v)
			}
		}
	}
	n := len(s.Good) + len(s.Refused)
	if len(seen) != n || n > 0 && (!seen["0"] || !seen[strconv.Itoa(n-1)]) {
		t.Fatalf("%d rows are at %v", n, seen)
	}
}

func FuzzDecodeJSON(f *testing.F) {
	for _, s := range []string{assets(good), assets(`{"id":"a","x":[{}],"tokens":{"1":["x"]}}`, "1", ""), history(point), "[" + point + "]", `{"data":` + good + `,` + stamp + `}`,
		`{"data":[{"id":"\ud800"}],"timestamp":1795420799000}`, `{"data":{"message":"x"}}`, "{", "[[", `{"a":"\u0000"}`, "{\"\xff\":1}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		checkAny(t, coincap.Assets, "x.json", body)
		checkAny(t, coincap.History, "x.json", body)
	})
}

func FuzzDecodeLines(f *testing.F) {
	for _, s := range []string{good + "\n" + assets(good), point + "\r\n\n" + point, "{\n" + good, `{"id":"a",` + stamp + `,"data":[1]}`, `{"id":"a",` + stamp + `,"priceUsd":1e400}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		checkAny(t, coincap.Assets, "x.ndjson", body)
		checkAny(t, coincap.History, "x.ndjson", body)
		checkAny(t, coincap.Assets, "x.ndjson.gz", body)
	})
}

func FuzzDecodeParquet(f *testing.F) {
	f.Add(historyParquet(f, 3))
	f.Add([]byte("PAR1PAR1"))
	f.Fuzz(func(t *testing.T, body []byte) { checkAny(t, coincap.History, "x.parquet", body) })
}

// The fuzzing engine hardly gets through Parquet's footer; these broken files do. The library has met them with panics and
// with gigabytes.
func TestBrokenParquetIsRefused(t *testing.T) {
	whole := historyParquet(t, 3)
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		b := bytes.Clone(whole)
		for range 1 + r.IntN(4) {
			i := 4 + r.IntN(len(b)-12)
			switch r.IntN(4) {
			case 0:
				b[i] = byte(r.Uint32())
			case 1:
				b[i] ^= 1 << r.IntN(8)
			case 2:
				b = slices.Delete(b, i, min(i+r.IntN(8), len(b)-8))
			case 3:
				b = slices.Insert(b, i, 0xff, byte(r.Uint32()))
			}
		}
		checkAny(t, coincap.History, "x.parquet", b)
	}
}
