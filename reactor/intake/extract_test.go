package intake

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/ipc"

	"millrace/reactor/event"
	"millrace/reactor/silver/datasets"
	"millrace/reactor/silver/silvertest"
)

// extract decodes n objects that all have the body, and returns the stream's rows by kind, each as text by column.
func extract(t *testing.T, file, body string, n int) (map[string][]silvertest.Row, error) {
	t.Helper()
	var objects []event.Object
	for i := range n {
		src := silvertest.Source(datasets.Get("coincap/assets"), fmt.Sprintf("%d-%s", i, file))
		objects = append(objects, event.Object{Bucket: "lakehouse", Key: src.Key, Version: "v1", ModifiedAt: silvertest.ModifiedAt, Size: int64(len(body))})
	}
	dir := t.TempDir()
	var out bytes.Buffer
	err := Extract{Client: store(t, body), Dataset: datasets.Get("coincap/assets"), Dir: dir}.Write(context.Background(), each(objects), &out)
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("it leaves files: %v", left)
	}
	if err != nil {
		return nil, err
	}
	r, err := ipc.NewReader(&out)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Release()
	found := map[string][]silvertest.Row{}
	for r.Next() {
		b := r.RecordBatch()
		for i := range int(b.NumRows()) {
			row := silvertest.Row{}
			for c, column := range b.Columns() {
				if !column.IsNull(i) {
					row[b.ColumnName(c)] = silvertest.Text(column, i)
				}
			}
			found[row["_kind"]] = append(found[row["_kind"]], row)
		}
	}
	return found, r.Err()
}

func each(objects []event.Object) iter.Seq2[event.Object, error] {
	return func(yield func(event.Object, error) bool) {
		for _, o := range objects {
			if !yield(o, nil) {
				return
			}
		}
	}
}

// Whatever its size, an object becomes the rows and the refused rows that it becomes for the reactor.
func TestExtractGivesTheRowsThatTheReactorGets(t *testing.T) {
	line := `{"id":"a","priceUsd":"1.5","timestamp":1795420799000,"tokens":{"1":["x"]},"later":1}` + "\n" + `{"id":"b","priceUsd":"-1","timestamp":1795420799000}` + "\n"
	for _, c := range []struct {
		name    string
		repeats int
	}{{"small", 1}, {"of several batches", 20_000}, {"large", 1 + wholeObject/len(line)}} {
		t.Run(c.name, func(t *testing.T) {
			body := strings.Repeat(line, c.repeats)
			want, err := silvertest.Decode(t, datasets.Get("coincap/assets"), silvertest.Source(datasets.Get("coincap/assets"), "0-x.ndjson"), []byte(body))
			if err != nil {
				t.Fatal(err)
			}
			got, err := extract(t, "x.ndjson", body, 1)
			if err != nil {
				t.Fatal(err)
			}
			if len(got["0"]) != len(want.Good) || len(got["1"]) != len(want.Refused) || len(got["2"]) != 1 {
				t.Fatalf("%d rows, %d refused, %d outcomes; want %d, %d, 1", len(got["0"]), len(got["1"]), len(got["2"]), len(want.Good), len(want.Refused))
			}
			for i, row := range want.Good {
				row["_kind"] = "0"
				if fmt.Sprint(got["0"][i]) != fmt.Sprint(row) {
					t.Fatalf("row %d is\n%v, want\n%v", i, got["0"][i], row)
				}
			}
			for i, row := range want.Refused {
				moved := silvertest.Row{"_kind": "1", "_field": row["field"], "_reason": row["reason"], "_raw": row["raw"]}
				for name, value := range row {
					if !slices.Contains([]string{"field", "reason", "raw", "dataset"}, name) {
						moved[name] = value
					}
				}
				if fmt.Sprint(got["1"][i]) != fmt.Sprint(moved) {
					t.Fatalf("refused row %d is\n%v, want\n%v", i, got["1"][i], moved)
				}
			}
			if o := got["2"][0]; o["_event"] == "" || o["_reason"] != "" {
				t.Errorf("the outcome is %v", o)
			}
		})
	}
}

// Nothing of an object that cannot be read to its end is in the stream but its outcome, although its beginning was decoded.
func TestExtractGivesNoRowOfWhatCannotBeRead(t *testing.T) {
	row := `{"id":"a","priceUsd":"1","timestamp":1795420799000}`
	for _, repeats := range []int{2, 1 + wholeObject/len(row)} {
		got, err := extract(t, "x.json", "["+strings.Repeat(row+",", repeats), 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(got["0"])+len(got["1"]) != 0 || len(got["2"]) != 1 || !strings.Contains(got["2"][0]["_reason"], "in the middle of its JSON") || got["2"][0]["_class"] != string(event.Unreadable) {
			t.Errorf("%d repeats: %d rows, %d refused, outcomes %v", repeats, len(got["0"]), len(got["1"]), got["2"])
		}
	}
}

func TestExtractOfManyObjectsTellsEachOutcome(t *testing.T) {
	got, err := extract(t, "x.ndjson", `{"id":"a","priceUsd":"1","timestamp":1795420799000}`, 100)
	if err != nil {
		t.Fatal(err)
	}
	events := map[string]bool{}
	for _, o := range got["2"] {
		events[o["_event"]] = true
	}
	if len(got["0"]) != 100 || len(events) != 100 {
		t.Errorf("%d rows and %d events of 100 objects", len(got["0"]), len(events))
	}
	if none, err := extract(t, "x.ndjson", "", 0); err != nil || len(none) != 0 {
		t.Errorf("of no object: %v, %v", none, err)
	}
}
