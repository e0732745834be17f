package infer

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"millrace/reactor/silver"
)

func newReader(v []byte) io.Reader { return bytes.NewBuffer(v) }

// leaf is one value of rows, as the samples have it.
type leaf struct {
	path, column string
	values       []jsontext.Value // some of those that are not null
	seen, nulls  int
	empty        bool // it is "" in some rows
	mixed        bool // it is an object in some rows
	typ, unit    string
	doubt        string
}

// kept is how many values of a leaf are looked at for its type.
const kept = 5000

func find(leaves *[]*leaf, path string) *leaf {
	for _, l := range *leaves {
		if l.path == path {
			return l
		}
	}
	l := &leaf{path: path, column: word(path)}
	*leaves = append(*leaves, l)
	return l
}

func (l *leaf) add(v jsontext.Value) {
	l.seen++
	l.empty = l.empty || len(v) == 2 && v.Kind() == '"'
	if v.Kind() == 'n' {
		l.nulls++
	} else if len(l.values) < kept {
		l.values = append(l.values, v)
	}
}

// all tells whether a type takes every value.
func (l *leaf) all(f silver.Field) bool {
	for _, v := range l.values {
		if f.Accepts(string(v)) != "" {
			return false
		}
	}
	return true
}

func (l *leaf) kinds() string {
	var all []byte
	for _, v := range l.values {
		k := byte(v.Kind())
		if k == 'f' {
			k = 't'
		}
		if !slices.Contains(all, k) {
			all = append(all, k)
		}
	}
	return string(all)
}

// settleType chooses the narrowest type that takes all values, with room for those to come.
func (l *leaf) settleType() {
	field := func(t silver.Type) silver.Field { return silver.Field{Column: "c", From: "c", Type: t} }
	switch kinds := l.kinds(); {
	case l.path == "":
		l.typ = "text" // the name of a list, whatever it looks like
	case l.mixed:
		l.typ, l.doubt = "json", "an object in some rows, and none in others"
	case kinds == "":
		l.typ, l.doubt = "json", "it is null in every row: its type is not known"
	case kinds == "t":
		l.typ = "boolean"
	case kinds == "[":
		l.list()
	case kinds == "{":
		l.typ, l.doubt = "json", "an object: write struct<…> or map<text, …> if its members are to be columns of a kind"
	case kinds != "\"" && kinds != "0" && kinds != "\"0" && kinds != "0\"":
		l.typ, l.doubt = "json", "its values are of several kinds"
	case kinds == "\"" && l.all(field(silver.Date)):
		l.typ = "date"
	case l.moment():
	case l.all(field(silver.Long)):
		l.whole(field(silver.Integer), kinds)
	case l.all(field(silver.Double)):
		l.number(kinds)
	case kinds == "\"" && l.all(field(silver.Boolean)):
		l.typ, l.doubt = "boolean", "the words true and false"
	case kinds == "\"":
		if l.typ = "text"; l.named() && l.digits() {
			l.doubt = "it is named as a time, and is not one of ISO 8601: it stays a text"
		}
	default:
		l.typ, l.doubt = "json", "texts and numbers, such as "+l.noNumber()+" and others: with a number's type its rows are refused"
	}
}

// noNumber is the first value that is no number.
func (l *leaf) noNumber() string {
	for _, v := range l.values {
		if (silver.Field{Column: "c", From: "c", Type: silver.Double}).Accepts(string(v)) != "" {
			return shortened(v)
		}
	}
	return "the texts"
}

func (l *leaf) whole(integer silver.Field, kinds string) {
	switch {
	case strings.Contains(kinds, "\"") && l.looksLikeCode():
		l.typ, l.doubt = "text", "digits only: write integer or long if it is a number"
	case l.all(integer) && l.below(roomy):
		l.typ = "integer"
	default:
		l.typ = "long"
	}
}

// roomy is the number below which integers have room to grow a thousandfold in 32 bits. Others get 64.
const roomy = 1_000_000

func (l *leaf) below(most int64) bool {
	for _, v := range l.values {
		if n, err := strconv.ParseInt(strings.Trim(string(v), `"`), 10, 64); err != nil || n >= most || n <= -most {
			return false
		}
	}
	return true
}

// looksLikeCode: digits with a zero in front, or the name of a code.
func (l *leaf) looksLikeCode() bool {
	for _, v := range l.values {
		if text := bytes.Trim(v, `"`); len(text) > 1 && text[0] == '0' {
			return true
		}
	}
	return strings.HasSuffix(l.column, "id") || strings.HasSuffix(l.column, "code")
}

// number chooses between exact and floating.
func (l *leaf) number(kinds string) {
	before, behind, exponent := 0, 0, false
	for _, v := range l.values {
		text := strings.TrimLeft(strings.Trim(string(v), `"`), "+-")
		if strings.ContainsAny(text, "eE") {
			exponent = true
			continue
		}
		whole, fraction, _ := strings.Cut(text, ".")
		before, behind = max(before, len(strings.TrimLeft(whole, "0"))), max(behind, len(fraction))
	}
	switch {
	case exponent && kinds == "0":
		l.typ, l.doubt = "double", "some have an exponent; write decimal(38,18) if sums must be exact"
	case behind > 28 || before > 20 && behind > 18 || before > 38-behind:
		l.typ, l.doubt = "double", fmt.Sprintf("up to %d digits before and %d behind the point", before, behind)
	case behind > 18:
		l.typ = "decimal(38,28)"
	case before > 20:
		l.typ = fmt.Sprintf("decimal(38,%d)", 38-before)
	default:
		l.typ = "decimal(38,18)"
	}
}

func (l *leaf) list() {
	inner := &leaf{column: l.column}
	for _, v := range l.values {
		for _, e := range pairs(v) {
			inner.add(e.value)
		}
	}
	inner.settleType()
	switch {
	case len(inner.values) == 0:
		l.typ, l.doubt = "json", "lists without elements: their type is not known"
	case inner.typ == "json":
		l.typ, l.doubt = "json", "a list of objects, or of several kinds: write list<struct<…>> if its members are to be columns"
	case strings.HasPrefix(inner.typ, "time"):
		l.typ = "list<" + inner.typ + ">"
	default:
		l.typ = "list<" + inner.typ + ">"
	}
}

var timeWords = []string{"time", "date", "timestamp", "ts", "at", "created", "updated", "modified", "when", "day", "generated", "start", "end", "since", "until"}

// moment finds times: written out, or numbers of a size that no count has.
func (l *leaf) moment() bool {
	const from, to = 946684800, 4102444800 // 2000 to 2100
	for _, v := range l.values {
		if text := strings.Trim(string(v), `"`); strings.Trim(strings.Replace(text, ".", "", 1), "-0123456789") != "" || text == "" {
			return l.written()
		}
	}
	for _, unit := range []string{"s", "ms", "us", "ns"} {
		f := silver.Field{Column: "c", From: "c", Type: silver.Time, Unit: unit}
		if !within(f, l.values, time.Unix(from, 0), time.Unix(to, 0)) {
			continue
		}
		named := l.named()
		if !named && (unit == "s" || len(l.values) < 3) && l.path != "[0]" {
			return false // nine or ten digits are a count or an id as well
		}
		if l.typ, l.unit = "time("+unit+")", unit; !named {
			l.doubt = "numbers that look like times in " + unit
		}
		return true
	}
	return false
}

// written finds times that are written out. Digits alone would be accepted as milliseconds, and are none here.
func (l *leaf) written() bool {
	for _, v := range l.values {
		if text := strings.Trim(string(v), `"`); v.Kind() != '"' || strings.Trim(text, "-.0123456789") == "" && !strings.Contains(text[min(1, len(text)):], "-") {
			return false
		}
	}
	if l.all(silver.Field{Column: "c", From: "c", Type: silver.Time}) {
		l.typ, l.unit = "time", "ISO 8601"
		return true
	}
	return false
}

func within(f silver.Field, values []jsontext.Value, from, to time.Time) bool {
	for _, v := range values {
		t, ok := f.MomentOf(v)
		if !ok || t.Before(from) || t.After(to) {
			return false
		}
	}
	return len(values) > 0
}

// digits tells whether every value has four of them, as each way to write a time has.
func (l *leaf) digits() bool {
	for _, v := range l.values {
		if strings.Count(strings.Map(func(c rune) rune {
			if c >= '0' && c <= '9' {
				return '0'
			}
			return -1
		}, string(v)), "0") < 4 {
			return false
		}
	}
	return true
}

// named tells whether a word of the column's name is one of time.
func (l *leaf) named() bool {
	for part := range strings.SplitSeq(l.column, "_") {
		if slices.Contains(timeWords, part) {
			return true
		}
	}
	return slices.ContainsFunc([]string{"time", "date", "timestamp"}, func(w string) bool { return strings.Contains(l.column, w) })
}
