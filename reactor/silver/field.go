package silver

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

// Field says how one column of a row is made.
type Field struct {
	// Column in the silver table. A payload may name the value so as well.
	Column string
	// From is the path of the value in a row, mostly the name that the source's API gives it; `rejected` and `extra` use it.
	From string
	Type Type
	// Precision and Scale of a Decimal: digits in all, and behind the point.
	Precision, Scale int
	// Required: a row without a value is refused. Key columns must be.
	Required bool
	// NonNegative numbers are refused below zero.
	NonNegative bool
	limits      // what each value is held to; it stands here because a value of each row looks at it
	// Below refuses decimals from 10^Below on; zero leaves what the type holds.
	Below int
	// Least and Most, when not nil, bound a number, both ends included.
	Least, Most *Bound
	// MaxBytes, when not zero, is the longest that a Text may be.
	MaxBytes int
	// Allowed, when not empty, lists every value that a Text may have.
	Allowed []string
	// Default, when not empty, is the JSON value of rows that bring none from anywhere.
	Default string
	// Names are other paths of the same value: what the API called it before, or calls it elsewhere.
	Names []string
	// Was lists the names that the column had in the table before. No file is rewritten when a column is renamed.
	Was []string
	// Also names a second value that must be the same moment as RFC 3339 text; for Time only.
	Also string
	// Unit of numbers that stand for a Time: s, ms, us or ns; empty: ms.
	Unit string
	// Earliest, when not zero, refuses a Time or a Date before it; EarliestIs says what happened then.
	Earliest   time.Time
	EarliestIs string
	// Inner fields: one for the elements of a List or the values of a Map, the members of a Struct.
	Inner []Field
	// Envelope is the path of the value in what surrounds the rows: it stands in for rows without a value of their own.
	Envelope string
	// Metadata names the user metadata of the object that stands in for rows without a value of their own.
	Metadata string
	// ListName: the name of the list that has the row stands in for rows without a value of their own.
	ListName bool
	// IngestDate: the day in the object's key, else the day it was stored, stands in for rows without a value of their own.
	IngestDate bool
	// Missing says what to do about an object that brings the value nowhere.
	Missing string
	// Doc is the column's comment in the table's schema: its meaning, then its unit in brackets, where it has one. A table that is
	// there keeps the comments it was made with.
	Doc string
}

// lookedAt says where the value was looked for in vain.
func (f *Field) lookedAt() string {
	text := "no row has it"
	if f.Envelope != "" {
		text += fmt.Sprintf(", and the answer has nothing at %s, a path from its beginning", f.Envelope)
	}
	if f.Metadata != "" {
		text += fmt.Sprintf(", and the object has no user metadata %s", f.Metadata)
	}
	return text
}

// limits are worked out of a field's declaration.
type limits struct {
	observed bool // the row's time, which cannot be later than the object
	bounded  bool // Least or Most is there
	ceilings bool
	unit     int
	ceiling  decimal128.Num // 10^Precision, where that is less than what 128 bits hold
}

// Bound of a number.
type Bound struct {
	Text  string // as the definition has it
	exact decimal128.Num
	real  float64
}

// farthest is the first moment that not every engine can write: Python ends with the year 9999.
var farthest = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)

// earliest time that a value may have.
func (f *Field) earliest() time.Time {
	if f.Earliest.IsZero() {
		return time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return f.Earliest
}

func (f *Field) complete() error {
	if err := f.validate(); err != nil {
		return err
	}
	f.unit, _ = unitOf(f.Unit)
	f.observed, f.bounded = f.Column == partitionColumn, f.Least != nil || f.Most != nil
	if f.Type == Decimal && f.Precision < maxDigits {
		f.ceiling, f.ceilings = decimal128.GetScaleMultiplier(f.Precision), true
	}
	for _, b := range []*Bound{f.Least, f.Most} {
		if b == nil {
			continue
		}
		n, err := parseNumber([]byte(b.Text), f.Scale)
		if f.Type == Double {
			b.real, err = parseDouble([]byte(b.Text))
		}
		if err != nil || f.Type != Double && n.rounded {
			return fmt.Errorf("field %s: the bound %s is no %s", f.Column, b.Text, f.TypeText())
		}
		b.exact = n.value
	}
	for i := range f.Inner {
		if err := f.Inner[i].complete(); err != nil {
			return fmt.Errorf("field %s: %w", f.Column, err)
		}
	}
	if f.Default != "" {
		if reason := f.accepts(f.Default); reason != "" {
			return fmt.Errorf("field %s: its default %s cannot be its value: it %s", f.Column, f.Default, reason)
		}
	}
	return nil
}

// accepts says why a JSON value cannot be one of the field, or "".
func (f *Field) accepts(value string) string {
	var c cell
	var scratch []byte
	var r row
	return r.fill(f, &c, []byte(value), &scratch, farthest)
}

func (f *Field) validate() error {
	decimal := f.Type == Decimal
	switch {
	case f.Column == "" || f.From == "" || f.Type == 0:
		return fmt.Errorf("field %q (from %q): a field needs a column, a name in the payload and a type", f.Column, f.From)
	case f.Also != "" && f.Type != Time:
		return fmt.Errorf("field %s: only a time can be confirmed by another value", f.Column)
	case f.Below != 0 && !decimal:
		return fmt.Errorf("field %s: only decimals have a bound", f.Column)
	case (f.NonNegative || f.Least != nil || f.Most != nil) && !f.numeric():
		return fmt.Errorf("field %s: only numbers can be negative", f.Column)
	case (len(f.Allowed) > 0 || f.MaxBytes > 0) && f.Type != Text:
		return fmt.Errorf("field %s: only a text has a list of values or a length", f.Column)
	case f.Metadata != strings.ToLower(f.Metadata):
		return fmt.Errorf("field %s: metadata %s must be lower case, as stores keep it", f.Column, f.Metadata)
	case decimal && (f.Precision < 1 || f.Precision > maxDigits || f.Scale < 0 || f.Scale > f.Precision):
		return fmt.Errorf("field %s: decimal(%d,%d): a decimal has 1 to %d digits, and at most that many behind the point", f.Column, f.Precision, f.Scale, maxDigits)
	case !f.Earliest.IsZero() && f.Type != Time && f.Type != Date:
		return fmt.Errorf("field %s: only a time or a date can be too early", f.Column)
	case f.ListName && f.Type != Text:
		return fmt.Errorf("field %s: the name of a list is a text", f.Column)
	case f.IngestDate && f.Type != Time && f.Type != Date:
		return fmt.Errorf("field %s: an ingest date is a time or a date", f.Column)
	}
	if _, ok := unitOf(f.Unit); !ok || f.Unit != "" && f.Type != Time {
		return fmt.Errorf("field %s: the unit %q: a time is counted in s, ms, us or ns", f.Column, f.Unit)
	}
	return f.validateInner()
}

func (f *Field) validateInner() error {
	switch {
	case f.Type == Struct && len(f.Inner) == 0, (f.Type == List || f.Type == Map) && len(f.Inner) != 1, !f.nests() && len(f.Inner) > 0:
		return fmt.Errorf("field %s: a list and a map have one type inside, a struct has members, and nothing else has either", f.Column)
	}
	for i := range f.Inner {
		in := &f.Inner[i]
		if in.Type == TextLists {
			return fmt.Errorf("field %s: %s cannot be inside of another type", f.Column, in.Type)
		}
		if f.Type == Struct && slices.ContainsFunc(f.Inner[:i], func(o Field) bool { return o.Column == in.Column }) {
			return fmt.Errorf("field %s: its member %s is there twice", f.Column, in.Column)
		}
	}
	return nil
}

// parseDouble reads a number as the nearest double.
func parseDouble(text []byte) (float64, error) {
	if l, ok := layoutOf(text); !ok {
		return 0, &notNumberError{text: text}
	} else if l.significant == 0 {
		return 0, nil
	}
	x, err := parseFloat(text)
	if err != nil || math.IsInf(x, 0) {
		return 0, fmt.Errorf("%s does not fit a double", quote(text))
	}
	return x, nil
}

// Accepts says why a JSON value cannot be one of the field, or "". It looks at the type alone where the field is not part of a
// dataset.
func (f Field) Accepts(value string) string {
	f.unit, _ = unitOf(f.Unit)
	if isNull([]byte(value)) {
		return ""
	}
	return f.accepts(value)
}

// MomentOf is the time that a JSON value stands for.
func (f Field) MomentOf(value []byte) (time.Time, bool) {
	var c cell
	var scratch []byte
	f.unit, _ = unitOf(f.Unit)
	if isNull(value) || f.time(&c, value, &scratch, farthest) != "" {
		return time.Time{}, false
	}
	return time.UnixMicro(c.whole).UTC(), true
}
