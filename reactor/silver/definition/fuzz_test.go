package definition_test

import (
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"runtime/metrics"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"millrace/infra/strict"
	"millrace/ingestor/recipe"
	"millrace/reactor/silver"
	"millrace/reactor/silver/definition"
	"millrace/reactor/silver/silvertest"
)

// A definition is refused with places in the text, or can be used.
func FuzzParse(f *testing.F) {
	f.Add([]byte(sound))
	for seed := range uint64(20) {
		f.Add([]byte(newGuess(seed).text))
	}
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("name: a/b\ntable: t\nkey: [observed_at]\nfields: [{column: observed_at, type: 'struct<a: list<map<text, time(ns)>>>'}]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := definition.Parse(text)
		var problems strict.Problems
		switch {
		case err == nil:
			if d.ArrowSchema().NumFields() < 7 || d.MergeSQL().Rows == "" {
				t.Errorf("what came of it cannot be used: %v", d.ArrowSchema())
			}
			_, _ = silvertest.Decode(t, d, silvertest.Source(d, "x.json"), []byte(`[{"observed_at":1795420799000}]`))
		case !errors.As(err, &problems) || len(problems) == 0:
			t.Errorf("%T: %v", err, err)
		default:
			for _, p := range problems {
				if p.Line < 1 || p.Text == "" {
					t.Errorf("a problem without a place: %+v", p)
				}
			}
		}
	})
}

// guess is a random definition that is sound, with payloads that fit it more or less.
type guess struct {
	random *rand.Rand
	text   string
	fields []guessed
	list   bool
	at     string
}

type guessed struct {
	column, path, typ string
	required          bool
	least             string
	values            []string
}

var guessTypes = []string{"text", "boolean", "integer", "long", "decimal(9,2)", "decimal(38,28)", "double", "time", "time(s)", "time(us)", "date", "json", "list<long>", "map<text, text>", "map<text, list<text>>", "struct<a: text, b: list<double>>"}

func newGuess(seed uint64) *guess {
	g := &guess{random: rand.New(rand.NewPCG(seed, 1))}
	g.list, g.at = g.random.IntN(3) == 0, []string{"", "data", "a.b", "*", "a.*"}[g.random.IntN(5)]
	var b strings.Builder
	b.WriteString("name: test/guess\ntable: guess\nkey: [observed_at]\nrows: {each: object")
	if g.list {
		b.Reset()
		b.WriteString("name: test/guess\ntable: guess\nkey: [observed_at]\nrows: {each: list")
	}
	if g.at != "" {
		fmt.Fprintf(&b, ", at: '%s'", g.at)
	}
	b.WriteString("}\nfields:\n")
	g.fields = append(g.fields, guessed{column: "observed_at", typ: "time", required: true})
	for i := range 1 + g.random.IntN(6) {
		f := guessed{column: "c" + strconv.Itoa(i), typ: guessTypes[g.random.IntN(len(guessTypes))], required: g.random.IntN(3) == 0}
		switch {
		case f.typ == "text" && g.random.IntN(2) == 0:
			f.values = []string{"a", "b"}
		case strings.HasPrefix(f.typ, "decimal") || f.typ == "long" || f.typ == "double":
			f.least = "-3"
		}
		g.fields = append(g.fields, f)
	}
	for i := range g.fields {
		f := &g.fields[i]
		switch {
		case g.list:
			f.path = fmt.Sprintf("[%d]", i)
		case g.random.IntN(3) == 0:
			f.path = fmt.Sprintf("in.p%d", i)
		default:
			f.path = "p" + strconv.Itoa(i)
		}
		fmt.Fprintf(&b, "  - {column: %s, path: '%s', type: '%s', required: %t", f.column, f.path, f.typ, f.required)
		if f.least != "" {
			fmt.Fprintf(&b, ", min: %s", f.least)
		}
		if f.values != nil {
			fmt.Fprintf(&b, ", values: [%s]", strings.Join(f.values, ", "))
		}
		b.WriteString("}\n")
	}
	g.text = b.String()
	return g
}

var guessValues = []string{`null`, `true`, `"true"`, `1`, `-3`, `-4`, `"1.5"`, `1e400`, `"a"`, `"b"`, `"c"`, `""`, `"2026-11-22"`, `1795420799000`, `1795420799`, `"2026-11-22T10:00:00Z"`,
	`[]`, `[1,null]`, `["x"]`, `{}`, `{"a":"x","b":[1]}`, `{"a":["x"],"b":"y"}`, `[[[]]]`, `{"a":{"a":{}}}`, `"\u0000"`, `1234567890123`, `99999999999999999999`}

// payload makes an object's text: rows that mostly fit.
func (g *guess) payload() string {
	var rows []string
	for range g.random.IntN(5) {
		var flat, inner []string
		for i, f := range g.fields {
			value := guessValues[g.random.IntN(len(guessValues))]
			if i == 0 && g.random.IntN(4) > 0 {
				value = "1795420799000"
			}
			if g.list {
				flat = append(flat, value)
			} else if name, ok := strings.CutPrefix(f.path, "in."); ok {
				inner = append(inner, fmt.Sprintf("%q:%s", name, value))
			} else {
				flat = append(flat, fmt.Sprintf("%q:%s", f.path, value))
			}
		}
		if g.list {
			rows = append(rows, "["+strings.Join(flat, ",")+"]")
			continue
		}
		if g.random.IntN(5) > 0 {
			flat = append(flat, `"in":{`+strings.Join(append(inner, `"more":1`), ",")+"}")
		}
		rows = append(rows, "{"+strings.Join(flat, ",")+"}")
	}
	list := "[" + strings.Join(rows, ",") + "]"
	switch g.at {
	case "data":
		return `{"data":` + list + `}`
	case "a.b":
		return `{"x":1,"a":{"b":` + list + `}}`
	case "*":
		return `{"one":` + list + `,"two":` + list + `}`
	case "a.*":
		return `{"a":{"one":` + list + `,"last":1},"z":[]}`
	}
	return list
}

// Whatever a payload is and whatever the definition: a row that is accepted keeps to the definition, one that is not is refused with
// a reason, and nothing else happens.
func FuzzRows(f *testing.F) {
	for seed := range uint64(60) {
		f.Add(seed, []byte(nil))
	}
	f.Add(uint64(1), []byte(`{"data":[{}]}`))
	f.Fuzz(func(t *testing.T, seed uint64, body []byte) {
		g := newGuess(seed)
		d, err := definition.Parse([]byte(g.text))
		if err != nil {
			t.Fatalf("%v\n%s", err, g.text)
		}
		made := len(body) == 0
		if made {
			body = []byte(g.payload())
		}
		for _, file := range []string{"x.json", "x.ndjson"} {
			before := allocated()
			s, err := silvertest.Decode(t, d, silvertest.Source(d, file), body)
			if took, most := allocated()-before, uint64(64<<20+4096*len(body)); took > most {
				t.Errorf("%d bytes of a payload took %d bytes of memory, more than %d", len(body), took, most)
			}
			if made && file == "x.json" && err == nil {
				g.counts(t, len(s.Good)+len(s.Refused), body)
			}
			if err != nil {
				if u := new(silver.Unreadable); !errors.As(err, &u) {
					t.Errorf("%T: %v", err, err)
				}
				continue
			}
			for i, row := range s.Good {
				g.keeps(t, i, row)
			}
			for _, r := range s.Refused {
				if r["reason"] == "" {
					t.Errorf("a row is refused without a reason: %v", r)
				}
			}
		}
	})
}

// allocated is how many bytes the process has taken from the heap so far, given back or not.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// counts holds that each row of a payload is either accepted or refused.
func (g *guess) counts(t *testing.T, got int, body []byte) {
	path, err := recipe.ParsePath(g.at)
	if err != nil {
		t.Fatal(err)
	}
	if want, err := (recipe.Rows{At: path}).Count(body); err != nil || got != want {
		t.Errorf("%d rows are accepted or refused, of %d in %s: %v\n%s", got, want, body, err, g.text)
	}
}

// fits tells whether an accepted value is one of its type, as other readers have it.
func fits(typ, value string) bool {
	var err error
	switch {
	case typ == "boolean":
		_, err = strconv.ParseBool(value)
	case typ == "integer":
		_, err = strconv.ParseInt(value, 10, 32)
	case typ == "long":
		_, err = strconv.ParseInt(value, 10, 64)
	case typ == "double":
		_, err = strconv.ParseFloat(value, 64)
	case typ == "date":
		_, err = time.Parse(time.DateOnly, value)
	case strings.HasPrefix(typ, "time"):
		_, err = time.Parse(time.RFC3339Nano, value)
	case strings.HasPrefix(typ, "decimal"):
		n, ok := new(big.Rat).SetString(value)
		whole := 7
		if strings.Contains(typ, "38") {
			whole = 10
		}
		return ok && new(big.Rat).Abs(n).Cmp(new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(whole)), nil))) < 0
	case typ == "text":
		return value != "" && utf8.ValidString(value)
	default:
		return jsontext.Value(value).IsValid()
	}
	return err == nil
}

// keeps holds an accepted row to the definition.
func (g *guess) keeps(t *testing.T, i int, row silvertest.Row) {
	for _, f := range g.fields {
		value, there := row[f.column]
		if f.required && !there {
			t.Errorf("row %d: %s is null: %v\n%s", i, f.column, row, g.text)
		}
		if there && !fits(f.typ, value) {
			t.Errorf("row %d: %s is %s, which is no %s\n%s", i, f.column, value, f.typ, g.text)
		}
		if n, err := strconv.ParseFloat(value, 64); there && f.least != "" && (err != nil || n < -3) {
			t.Errorf("row %d: %s is %s, %v\n%s", i, f.column, value, err, g.text)
		}
		if there && f.values != nil && value != "a" && value != "b" {
			// A text that is not required is kept in extra and null here.
			t.Errorf("row %d: %s is %s\n%s", i, f.column, value, g.text)
		}
	}
}
