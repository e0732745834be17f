// Package silver turns bronze objects into typed rows: exact decimals, times, lineage, and for each row that it must
// refuse the field and the reason. What a row looks like is declared by a [Dataset]; everything here is generic, and pure:
// no network, no disk, no clock, so that silver is a function of the bronze object versions and the definitions alone.
//
// docs/input.md lists every input that is refused or changed, and where it goes.
package silver

import (
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// Type of a silver column.
type Type int

const (
	// Text is a string.
	Text Type = iota + 1
	// Integer is a whole number of 32 bits, accepted as JSON number or string.
	Integer
	// Price is decimal(38,28), accepted as JSON number or string.
	Price
	// Amount is decimal(38,18), accepted as JSON number or string.
	Amount
	// Time is a moment in UTC with microseconds, accepted as epoch milliseconds, RFC 3339, and as what tools write for a date or a datetime.
	Time
	// TextLists is map<string, list<string>>; a bare string stands for a list of one.
	TextLists
)

func (t Type) String() string {
	switch t {
	case Text:
		return "text"
	case Integer:
		return "integer"
	case Price:
		return "price"
	case Amount:
		return "amount"
	case Time:
		return "time"
	case TextLists:
		return "text lists"
	}
	return fmt.Sprintf("type %d", int(t))
}

// scale of a decimal type.
func (t Type) scale() int {
	if t == Price {
		return 28
	}
	return 18
}

// Field says how one column of a row is made.
type Field struct {
	// Column in the silver table. A payload may name the value so as well.
	Column string
	// From is the name the source's API gives the value; `rejected` and `extra` use it.
	From string
	// Also names a second value that must be the same moment as RFC 3339 text; for Time only.
	Also string
	Type Type
	// Required: a row without a value is refused. Key columns must be.
	Required bool
	// NonNegative numbers are refused below zero.
	NonNegative bool
	// Below refuses decimals from 10^Below on; zero leaves what the type holds.
	Below int
	// Allowed, when not empty, lists every value that a Text may have.
	Allowed []string
	// MaxBytes, when not zero, is the longest that a Text may be.
	MaxBytes int
	// Envelope: the envelope's member From stands in for rows without a value of their own.
	Envelope bool
	// Metadata names the user metadata of the object that stands in for rows without a value of their own.
	Metadata string
	// Missing says what to do about an object that brings the value nowhere.
	Missing string
	// Doc is the column's comment in the table's schema: its meaning, then its unit in brackets, where it has one. A table that is
	// there keeps the comments it was made with.
	Doc string
}

// Dataset declares what objects of one kind hold and the silver table they become. Make one with [Define].
type Dataset struct {
	// Name is "<source>/<dataset>", the two folders below bronze/.
	Name string
	// Table in the namespace silver.
	Table string
	// Key columns; among rows with one key the latest object's wins.
	Key []string
	// Fields in the table's order. Lineage and extra follow them. Once the table is released, this list does not change.
	Fields []Field
	// Later are the fields that came after the table's first release, in the order they came: they are the table's last
	// columns, and take the next ids, as Iceberg's own `add column` does.
	Later []Field
	// Lone names the field whose presence makes a payload with one object where the list belongs a payload of one row;
	// empty: the payload must hold a list.
	Lone string
	// FromName reads an object's name (without folders and extension) for values, by From, that stand in for rows without
	// one of their own where the metadata has none either; nil: names mean nothing.
	FromName func(name string) map[string]string
	// Example is the payload in a few words, for the reason of an object that is something else.
	Example string

	inputs  []input
	byName  map[string]int
	columns []Field
	keyed   map[string]bool
	outside []bool // by column: its value may come from outside of the rows
	arrow   *arrow.Schema
}

// input is one value that a payload may bring: a Field, or its Also.
type input struct {
	name  string
	field *Field
	// also is the input that must agree with this one, or -1.
	also int
}

// Define completes a declaration. It panics on a contradictory one: definitions are package variables, and a program with
// a wrong one must not start.
func Define(d Dataset) *Dataset {
	if err := d.complete(); err != nil {
		panic(fmt.Sprintf("silver: define dataset %q: %v", d.Name, err))
	}
	return &d
}

func (d *Dataset) complete() error {
	if source, name, ok := strings.Cut(d.Name, "/"); !ok || source == "" || name == "" || d.Table == "" {
		return fmt.Errorf("a dataset needs a name <source>/<dataset> and a table")
	}
	d.columns = slices.Concat(d.Fields, d.Later)
	d.inputs, d.byName = nil, map[string]int{}
	d.keyed = map[string]bool{}
	taken := map[string]bool{}
	for _, name := range append(lineageNames(), extraColumn) {
		taken[name] = true
	}
	for i := range d.columns {
		f := &d.columns[i]
		if err := f.validate(); err != nil {
			return err
		}
		if taken[f.Column] {
			return fmt.Errorf("column %s is there twice", f.Column)
		}
		taken[f.Column] = true
		if err := d.addInput(f, f.From, f.Column); err != nil {
			return err
		}
	}
	d.outside = nil
	for i := range d.columns {
		d.outside = append(d.outside, d.columns[i].outside())
	}
	for i := range d.columns {
		f := &d.columns[i]
		if f.Also == "" {
			continue
		}
		d.inputs[i].also = len(d.inputs)
		if err := d.addInput(f, f.Also); err != nil {
			return err
		}
	}
	if err := d.completeKey(); err != nil {
		return err
	}
	d.arrow = arrowSchema(d.Schema())
	return nil
}

func (d *Dataset) completeKey() error {
	for _, k := range d.Key {
		i := slices.IndexFunc(d.columns, func(f Field) bool { return f.Column == k })
		if i < 0 || !d.columns[i].Required {
			return fmt.Errorf("key column %s must be a required field", k)
		}
		d.keyed[k] = true
	}
	if !d.keyed[partitionColumn] {
		return fmt.Errorf("%s must be part of the key: tables are partitioned by its month", partitionColumn)
	}
	if _, ok := d.byName[d.Lone]; d.Lone != "" && !ok {
		return fmt.Errorf("the lone row's field %s is no field", d.Lone)
	}
	return nil
}

func (d *Dataset) addInput(f *Field, names ...string) error {
	for i, name := range names {
		if _, dup := d.byName[name]; dup && (i == 0 || name != names[0]) {
			return fmt.Errorf("two fields are named %s", name)
		}
		d.byName[name] = len(d.inputs)
	}
	d.inputs = append(d.inputs, input{name: names[0], field: f, also: -1})
	return nil
}

func (f *Field) validate() error {
	decimal := f.Type == Price || f.Type == Amount
	switch {
	case f.Column == "" || f.From == "" || f.Type == 0:
		return fmt.Errorf("field %q (from %q): a field needs a column, a name in the payload and a type", f.Column, f.From)
	case f.Also != "" && f.Type != Time:
		return fmt.Errorf("field %s: only a time can be confirmed by another value", f.Column)
	case f.Below != 0 && !decimal:
		return fmt.Errorf("field %s: only decimals have a bound", f.Column)
	case f.NonNegative && !decimal && f.Type != Integer:
		return fmt.Errorf("field %s: only numbers can be negative", f.Column)
	case (len(f.Allowed) > 0 || f.MaxBytes > 0) && f.Type != Text:
		return fmt.Errorf("field %s: only a text has a list of values or a length", f.Column)
	case f.Metadata != strings.ToLower(f.Metadata):
		return fmt.Errorf("field %s: metadata %s must be lower case, as stores keep it", f.Column, f.Metadata)
	}
	return nil
}
