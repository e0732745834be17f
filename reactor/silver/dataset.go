// Package silver turns bronze objects into typed rows: exact decimals, times, lineage, and for each row that it must
// refuse the field and the reason. What a row looks like is declared by a [Dataset]; everything here is generic, and pure:
// no network, no disk, no clock, so that silver is a function of the bronze object versions and the definitions alone.
//
// docs/input.md lists every input that is refused or changed, and where it goes.
package silver

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/iceberg-go"
)

// Dataset declares what objects of one kind hold and the silver table they become. Make one with [New] or [Define].
type Dataset struct {
	// Name is "<source>/<dataset>", the two folders below bronze/.
	Name string
	// Doc says what it is.
	Doc string
	// Table in the namespace silver.
	Table string
	// Key columns; among rows with one key the Winner stays.
	Key    []string
	Winner Winner
	// Partition divides the table's files.
	Partition Partition
	// Fields in the table's order. Lineage and extra follow them. Once the table is released, this list does not change.
	Fields []Field
	// Later are the fields that came after the table's first release, in the order they came: they are the table's last
	// columns, and take the next ids, as Iceberg's own `add column` does.
	Later []Field
	// At is the path of the list of rows in a JSON object. "*" as its last name stands for every list there. Empty: the rows are
	// the JSON value itself. A list that is the whole of an object is always one of rows.
	At string
	// Positions: a row is a list, and paths of fields begin with a position.
	Positions bool
	// Lone names the field whose presence makes one JSON object where the list belongs a payload of one row;
	// empty: the payload must hold a list.
	Lone string
	// NamePattern reads an object's name (without folders and extension): its named groups are values of columns that stand in for
	// rows without one of their own where the metadata has none either. nil: names mean nothing.
	NamePattern *regexp.Regexp
	// Forget drops what no field knows, in place of keeping it in extra.
	Forget bool
	// Example is the payload in a few words, for the reason of an object that is something else.
	Example string

	inputs     []input
	byName     map[string]int // the names of the row itself
	containers []container    // the row itself, and what is inside of it
	columns    []Field
	types      []Type // by column
	keyed      map[string]bool
	outside    []bool // by column: its value may come from outside of the rows
	at         []string
	lone       int                          // input, or -1
	envelope   []map[string][]envelopeValue // by level of the path to the rows, by member
	listName   int                          // column, or -1
	arrow      *arrow.Schema
	schema     *iceberg.Schema
}

// input is one value that a payload may bring: a Field, or its Also.
type input struct {
	name  string
	field *Field
	// also is the input that must agree with this one, or -1.
	also int
}

// envelopeValue is a value beside the rows that stands in for a column: where it is in the member, and which column.
type envelopeValue struct {
	steps  []step
	column int
}

// Define completes a declaration that is part of the program. It panics on a contradictory one.
func Define(d Dataset) *Dataset {
	defined, err := New(d)
	if err != nil {
		panic(fmt.Sprintf("silver: define dataset %q: %v", d.Name, err))
	}
	return defined
}

// New completes a declaration: it checks it, and makes of it the plan by which rows are read.
func New(d Dataset) (*Dataset, error) {
	if err := d.complete(); err != nil {
		return nil, err
	}
	return &d, nil
}

func (d *Dataset) complete() error {
	if source, name, ok := strings.Cut(d.Name, "/"); !ok || source == "" || name == "" || d.Table == "" {
		return fmt.Errorf("a dataset needs a name <source>/<dataset> and a table")
	}
	d.columns, d.types = slices.Concat(d.Fields, d.Later), nil
	d.inputs, d.byName = nil, map[string]int{}
	d.containers = []container{{names: d.byName}}
	d.keyed = map[string]bool{}
	taken := map[string]bool{}
	for _, name := range append(lineageNames(), extraColumn) {
		taken[name] = true
	}
	for i := range d.columns {
		f := &d.columns[i]
		if err := f.complete(); err != nil {
			return err
		}
		if taken[f.Column] {
			return fmt.Errorf("column %s is there twice", f.Column)
		}
		taken[f.Column] = true
		d.types = append(d.types, f.Type)
		if err := d.addInput(f, append([]string{f.From}, f.Names...)...); err != nil {
			return err
		}
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
	if err := errors.Join(d.checkFormer(taken), d.placeOwnNames()); err != nil {
		return err
	}
	if err := d.completeKey(); err != nil {
		return err
	}
	if err := errors.Join(d.completePlaces(), d.Winner.check(d.columns), d.Partition.check(d.columns)); err != nil {
		return err
	}
	d.schema = d.makeSchema()
	d.arrow = arrowSchema(d.schema)
	return nil
}

func (d *Dataset) completeKey() error {
	for _, k := range d.Key {
		i := slices.IndexFunc(d.columns, func(f Field) bool { return f.Column == k })
		if i < 0 || !d.columns[i].Required {
			return fmt.Errorf("key column %s must be a required field", k)
		}
		if t := d.columns[i].Type; d.columns[i].nests() || t == TextLists || t == JSON || t == Double {
			return fmt.Errorf("key column %s is a %s: rows are told apart by texts, whole numbers, decimals, booleans, times and dates", k, t)
		}
		d.keyed[k] = true
	}
	if !d.keyed[partitionColumn] {
		return fmt.Errorf("%s must be part of the key: gold goes by its days", partitionColumn)
	}
	if i := slices.IndexFunc(d.columns, func(f Field) bool { return f.Column == partitionColumn }); d.columns[i].Type != Time {
		return fmt.Errorf("%s must be a time: gold goes by its days", partitionColumn)
	}
	return nil
}

// addInput makes the paths of a value lead to it.
func (d *Dataset) addInput(f *Field, paths ...string) error {
	n := len(d.inputs)
	for _, path := range paths {
		steps, err := parsePath(path)
		if err != nil {
			return fmt.Errorf("field %s: %w", f.Column, err)
		}
		if own := path == f.Column && d.fromOutside(f); d.Positions && steps[0].position < 0 && !own {
			return fmt.Errorf("field %s: rows are lists, and its path %s does not begin with a position: write [0] for the first value", f.Column, path)
		} else if !d.Positions && steps[0].position >= 0 {
			return fmt.Errorf("field %s: rows are objects, and its path %s begins with a position: say that rows are lists, or begin with a name", f.Column, path)
		}
		if err := d.place(path, steps, n); err != nil {
			return err
		}
	}
	d.inputs = append(d.inputs, input{name: paths[0], field: f, also: -1})
	return nil
}

// placeOwnNames makes the names of columns lead to their values, too: a payload may be rows of the table. Where the API has an
// object of that name with values in it, the name is the object's.
func (d *Dataset) placeOwnNames() error {
	for i := range d.columns {
		own := d.columns[i].Column
		if at, there := d.byName[own]; there && at < 0 {
			continue
		}
		if err := d.place(own, []step{{name: own, position: -1}}, i); err != nil {
			return err
		}
	}
	return nil
}

// completePlaces finds where rows and the values around them are.
func (d *Dataset) completePlaces() error {
	d.at, d.lone, d.listName, d.envelope = nil, -1, -1, nil
	steps, err := parsePath(d.At)
	if d.At != "" && err != nil {
		return fmt.Errorf("where the rows are: %w", err)
	}
	for i, s := range steps {
		if s.position >= 0 || s.name == anyName && i < len(steps)-1 {
			return fmt.Errorf("where the rows are: the path %s has names only, and * may be its last", d.At)
		}
		d.at, d.envelope = append(d.at, s.name), append(d.envelope, map[string][]envelopeValue{})
	}
	if d.Lone != "" {
		if d.lone = slices.IndexFunc(d.inputs, func(in input) bool { return in.name == d.Lone || in.field.Column == d.Lone }); d.lone < 0 {
			return fmt.Errorf("the lone row's field %s is no field", d.Lone)
		}
	}
	d.outside = nil
	for i := range d.columns {
		f := &d.columns[i]
		d.outside = append(d.outside, d.fromOutside(f))
		if f.ListName {
			if d.listName = i; !d.everyList() {
				return fmt.Errorf("field %s: the name of a list is a value only where the path of the rows ends in *", f.Column)
			}
		}
		if f.Envelope == "" {
			continue
		}
		if err := d.placeAround(i, f); err != nil {
			return fmt.Errorf("field %s: %w", f.Column, err)
		}
	}
	return d.checkPattern()
}

// placeAround finds the level of the path to the rows at which a value beside them is met.
func (d *Dataset) placeAround(column int, f *Field) error {
	steps, err := parsePath(f.Envelope)
	if err != nil {
		return err
	}
	if len(d.at) == 0 {
		return fmt.Errorf("its value is around the rows, but nothing is around them: say where in the object the rows are")
	}
	level := 0
	for level < len(d.at)-1 && level < len(steps)-1 && steps[level].name == d.at[level] {
		level++
	}
	at := steps[level]
	if at.position >= 0 || at.name == d.at[level] {
		return fmt.Errorf("its value is around the rows, and the path %s does not lead beside them", f.Envelope)
	}
	d.envelope[level][at.name] = append(d.envelope[level][at.name], envelopeValue{steps: steps[level+1:], column: column})
	return nil
}

// everyList tells whether rows are in every list at their place.
func (d *Dataset) everyList() bool { return len(d.at) > 0 && d.at[len(d.at)-1] == anyName }

func (d *Dataset) checkPattern() error {
	if d.NamePattern == nil {
		return nil
	}
	for _, group := range d.NamePattern.SubexpNames() {
		if group != "" && !slices.ContainsFunc(d.columns, func(f Field) bool { return f.Column == group }) {
			return fmt.Errorf("the pattern of names has the group %s, which is no column", group)
		}
	}
	return nil
}

// fromOutside says that a field may have a value from outside of the row.
func (d *Dataset) fromOutside(f *Field) bool {
	return f.Envelope != "" || f.Metadata != "" || f.ListName || f.IngestDate || d.inName(f)
}

// inName says that the name of an object may have the field's value.
func (d *Dataset) inName(f *Field) bool {
	return d.NamePattern != nil && d.NamePattern.SubexpIndex(f.Column) > 0
}

// Former are the names that columns had in the table before, by column.
func (d *Dataset) Former() map[string][]string {
	former := map[string][]string{}
	for i := range d.columns {
		if f := &d.columns[i]; len(f.Was) > 0 {
			former[f.Column] = f.Was
		}
	}
	return former
}

// checkFormer holds former names to the columns that there are: a name cannot be a column's, and another's former one.
func (d *Dataset) checkFormer(taken map[string]bool) error {
	of := map[string]string{}
	for i := range d.columns {
		f := &d.columns[i]
		for _, was := range f.Was {
			if taken[was] {
				return fmt.Errorf("field %s: its former name %s is that of a column", f.Column, was)
			}
			if of[was] != "" {
				return fmt.Errorf("field %s: its former name %s is that of %s, too", f.Column, was, of[was])
			}
			of[was] = f.Column
		}
	}
	return nil
}
