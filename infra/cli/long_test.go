package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"
)

// counted gives n rows with their numbers, and the most memory that was in use meanwhile.
func counted(n int, peak *uint64) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for i := range n {
			if i%20000 == 0 {
				var m runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&m)
				*peak = max(*peak, m.HeapAlloc)
			}
			if !yield([]any{fmt.Sprint("row-", i+1), strings.Repeat("x", 100)}, nil) {
				return
			}
		}
	}
}

func TestALongTableShowsItsEndsInBoundedMemory(t *testing.T) {
	for _, test := range []struct {
		n, width int
		left     int
	}{{999, 0, 0}, {1000, 0, 0}, {1001, 0, 1}, {1499, 0, 499}, {1500, 0, 500}, {60000, 0, 59000}, {1777, 14, 777}} {
		var b bytes.Buffer
		var peak uint64
		o := NewOutput(&b, "table")
		o.width = test.width
		if err := o.Rows([]string{"name", "text"}, counted(test.n, &peak)); err != nil {
			t.Fatal(err)
		}
		text := b.String()
		shown, at := 0, 0
		for i := 1; i <= test.n; i++ {
			cell := fmt.Sprintf("row-%d ", i)
			if test.width > 0 {
				cell = fmt.Sprintf("row-%d\n", i)
			}
			if next := strings.Index(text[at:], cell); next >= 0 {
				shown, at = shown+1, at+next
			} else if i <= shownRows || i > test.n-shownRows {
				t.Fatalf("of %d rows number %d is not shown, or not in order", test.n, i)
			}
		}
		if shown != test.n-test.left {
			t.Errorf("of %d rows %d are shown, want all but %d", test.n, shown, test.left)
		}
		if says := fmt.Sprintf("… %d more rows, %d in all", test.left, test.n); strings.Contains(text, says) != (test.left > 0) {
			t.Errorf("of %d rows: it says %q: %v", test.n, says, test.left == 0)
		}
		if last := fmt.Sprintf("── %d ─", test.n); test.width > 0 && !strings.Contains(text, last) {
			t.Errorf("of %d records the last is not called %q", test.n, last)
		}
		if peak > 30<<20 {
			t.Errorf("%d rows took %d MB", test.n, peak>>20)
		}
	}
}

func TestDecimalsAreStringsOnRequest(t *testing.T) {
	price := json.Number("0.998154014723472286")
	row := []any{price, []any{price, nil, 1.5}, map[string]any{"p": price, "at": time.Unix(0, 0)}, int64(7)}
	for form, want := range map[string]string{
		"number": `{"a": 0.998154014723472286, "b": [0.998154014723472286,null,1.5], "c": {"at":"1970-01-01T00:00:00Z","p":0.998154014723472286}, "d": 7}`,
		"string": `{"a": "0.998154014723472286", "b": ["0.998154014723472286",null,1.5], "c": {"at":"1970-01-01T00:00:00Z","p":"0.998154014723472286"}, "d": 7}`,
	} {
		var b, file bytes.Buffer
		o := newOutput(&b, &b, Format{Output: "json", Decimals: form}, "")
		for _, out := range []*Output{o, o.To(&file, "json")} {
			if err := out.Table([]string{"a", "b", "c", "d"}, [][]any{row}); err != nil {
				t.Fatal(err)
			}
		}
		if b.String() != "[\n  "+want+"\n]\n" || file.String() != b.String() {
			t.Errorf("decimals as %s: %s and %s, want %s", form, &b, &file, want)
		}
	}
}

// encoding/json refuses numbers that are none, and one in a list took the whole result with it.
func TestANumberThatIsNoneDoesNotEndAList(t *testing.T) {
	var b bytes.Buffer
	infinite := []any{0.0, math.Inf(1)}
	if err := NewOutput(&b, "json").Table([]string{"a"}, [][]any{{infinite}}); err != nil || !strings.Contains(b.String(), `[0,"+Inf"]`) {
		t.Errorf("%v: %s", err, &b)
	}
}
