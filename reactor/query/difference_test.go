package query

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestAnUpdateShowsFormerValuesOfWhatChanged(t *testing.T) {
	columns := []string{"key", "n", "text"}
	for _, c := range []struct {
		line []any
		want Change
	}{
		{[]any{Updated, "k", json.Number("2"), nil, "k", json.Number("1"), nil}, Change{Updated, []any{"k", json.Number("2"), nil}, map[string]any{"n": json.Number("1")}}},
		{[]any{Deleted, nil, nil, nil, "d", json.Number("3"), "x"}, Change{Deleted, []any{"d", json.Number("3"), "x"}, nil}},
		{[]any{Inserted, "i", json.Number("4"), "y", nil, nil, nil}, Change{Inserted, []any{"i", json.Number("4"), "y"}, nil}},
	} {
		if got := changeOf(c.line, columns); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%v: got %v, want %v", c.line, got, c.want)
		}
	}
}
