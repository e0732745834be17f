package definition_test

import (
	"fmt"
	"strings"
	"testing"

	"millrace/reactor/silver/definition"
	"millrace/reactor/silver/silvertest"
)

// Rows are found wherever sources put them, and a value of every type that a file can name is what its payload says.
func TestRowsAreFoundAtEachPlaceAndValuesOfEachType(t *testing.T) {
	const fields = "fields:\n  - {column: id, type: text, required: true}\n  - {column: observed_at, path: at, type: time, required: true}\n"
	const positions = "fields:\n  - {column: observed_at, path: \"[0]\", type: time(s), required: true}\n  - {column: id, path: \"[1]\", type: text, required: true}\n"
	for _, c := range []struct{ name, rows, file, body, want string }{
		{"a list", fields, "a.json", `[{"id":"a","at":0},{"id":"b","at":0}]`, "a b"},
		{"a path", "rows: {at: data}\n" + fields, "a.json", `{"x":1,"data":[{"id":"a","at":0}]}`, "a"},
		{"a longer path", "rows: {at: result.items}\n" + fields, "a.json", `{"result":{"n":1,"items":[{"id":"a","at":0},{"id":"b","at":0}]}}`, "a b"},
		{"every list", "rows: {at: result.*}\n" + fields, "a.json", `{"result":{"x":[{"id":"a","at":0}],"y":[{"id":"b","at":0}]}}`, "a b"},
		{"one object", "rows: {one: id}\n" + fields, "a.json", `{"id":"a","at":0}`, "a"},
		{"one object on several lines", "rows: {one: id}\n" + fields, "a.json", "{\n  \"id\": \"a\",\n  \"at\": 0\n}\n", "a"},
		{"one object in the list's place", "rows: {at: data, one: id}\n" + fields, "a.json", `{"data":{"id":"a","at":0}}`, "a"},
		{"a row a line", fields, "a.ndjson", "{\"id\":\"a\",\"at\":0}\n{\"id\":\"b\",\"at\":0}\n", "a b"},
		{"positions", "rows: {each: list}\n" + positions, "a.json", `[[0,"a"],[0,"b",7]]`, "a b"},
		{"positions at a path", "rows: {at: result.ohlc, each: list}\n" + positions, "a.json", `{"result":{"ohlc":[[0,"a"]]}}`, "a"},
		{"positions a line", "rows: {each: list}\n" + positions, "a.ndjson", "[0,\"a\"]\n[0,\"b\"]\n", "a b"},
	} {
		d, err := definition.Parse([]byte("name: test/places\ntable: places\nkey: [id, observed_at]\n" + c.rows))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		sink, err := silvertest.Decode(t, d, silvertest.Source(d, c.file), []byte(c.body))
		var got []string
		for _, row := range sink.Good {
			got = append(got, row["id"])
		}
		if s := strings.Join(got, " "); err != nil || s != c.want || len(sink.Refused) > 0 {
			t.Errorf("%s: got %q, refused %v, %v; want %q", c.name, s, sink.Refused, err, c.want)
		}
	}
	for _, c := range []struct{ kind, value, want string }{
		{"text", `"ä"`, "ä"},
		{"boolean", `true`, "true"},
		{"integer", `-2147483648`, "-2147483648"},
		{"long", `"9223372036854775807"`, "9223372036854775807"},
		{"decimal(38,18)", `"12345678901234567890.123456789012345678"`, "12345678901234567890.123456789012345678"},
		{"double", `1e-3`, "0.001"},
		{"time", `1772323200123`, "2026-03-01T00:00:00.123Z"},
		{"time(s)", `1772323200`, "2026-03-01T00:00:00Z"},
		{"time(ms)", `1772323200123`, "2026-03-01T00:00:00.123Z"},
		{"time(us)", `1772323200123456`, "2026-03-01T00:00:00.123456Z"},
		{"time(ns)", `1772323200123456789`, "2026-03-01T00:00:00.123457Z"},
		{"time", `"2026-03-01T02:00:00+02:00"`, "2026-03-01T00:00:00Z"},
		{"date", `"2026-02-28"`, "2026-02-28"},
		{"json", `{"b": [1, 2]}`, `{"b":[1,2]}`},
		{"list<long>", `[1,null]`, "[1,null]"},
		{"map<text, long>", `{"a":1}`, `[{"key":"a","value":1}]`},
		{"struct<a: text, b: list<double>>", `{"a":"x","b":[1.5]}`, `{"a":"x","b":[1.5]}`},
	} {
		text := fmt.Sprintf("name: test/kinds\ntable: kinds\nkey: [id, observed_at]\n%s  - {column: v, type: %q}\n", fields, c.kind)
		d, err := definition.Parse([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v", c.kind, err)
		}
		sink, err := silvertest.Decode(t, d, silvertest.Source(d, "a.json"), fmt.Appendf(nil, `[{"id":"a","at":0,"v":%s}]`, c.value))
		if err != nil || len(sink.Good) != 1 || sink.Good[0]["v"] != c.want {
			t.Errorf("%s %s: got %v, refused %v, %v; want %s", c.kind, c.value, sink.Good, sink.Refused, err, c.want)
		}
	}
}
