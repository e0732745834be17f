// Package tables says which tables this program's datasets and models have in the lake: their names, definitions and keys,
// which object belongs to which table, and what a start would have to do to tables that an earlier release made. It reads
// the lake's view and writes nothing.
package tables

import (
	"millrace/ingestor/bronze"
	"millrace/reactor/event"
	"millrace/reactor/gold"
	"millrace/reactor/lake"
	"millrace/reactor/silver"
	"millrace/reactor/silver/datasets"
)

// Rejected is the table of silver that holds the refused rows of every dataset.
var Rejected = silver.TableName(silver.RejectedTable)

// Silver returns the names of the datasets' tables, those that gold is computed from; Rejected is not among them.
func Silver() []string {
	var names []string
	for _, d := range datasets.All() {
		names = append(names, d.TableName())
	}
	return names
}

// All returns the names of every table that this program keeps: silver's, Rejected, and gold's.
func All(set *gold.Set) []string {
	names := append(Silver(), Rejected)
	for _, m := range set.Models {
		names = append(names, m.Name)
	}
	return names
}

// Inputs describes the tables of silver to gold's models.
func Inputs() ([]gold.Input, error) { return InputsOf(datasets.All()) }

// InputsOf describes the tables of some datasets.
func InputsOf(list []*silver.Dataset) ([]gold.Input, error) {
	var inputs []gold.Input
	for _, d := range list {
		in, err := gold.InputOf(d.TableName(), d.Schema(), d.Key)
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, in)
	}
	return inputs, nil
}

// OfDataset returns the definitions of a dataset's table and of Rejected.
func OfDataset(d *silver.Dataset) []lake.Definition {
	return []lake.Definition{
		{Name: d.TableName(), Schema: d.Schema(), Spec: d.PartitionSpec(), Order: d.Key, Former: d.Former(), Properties: defined(d)},
		{Name: Rejected, Schema: silver.RejectedSchema(), Spec: silver.RejectedPartitionSpec(), Order: silver.RejectedKey()},
	}
}

// OfSilver returns the definitions of silver's tables, each once; fill is the dataset whose objects fill a table, nil for
// Rejected.
func OfSilver() (definitions []lake.Definition, fill map[string]*silver.Dataset) {
	fill = map[string]*silver.Dataset{}
	for _, d := range datasets.All() {
		for _, definition := range OfDataset(d) {
			if _, seen := fill[definition.Name]; seen {
				continue
			}
			fill[definition.Name] = nil
			if definition.Name == d.TableName() {
				fill[definition.Name] = d
			}
			definitions = append(definitions, definition)
		}
	}
	return definitions, fill
}

// OfGold returns the definitions of the tables that models make.
func OfGold(set *gold.Set) []lake.Definition {
	var definitions []lake.Definition
	for _, m := range set.Models {
		definitions = append(definitions, lake.Definition{Name: m.Name, Schema: m.Schema(), Spec: m.PartitionSpec(), Order: m.Grain})
	}
	return definitions
}

// DatasetOf returns the dataset that an object in bronze belongs to; ok is false when none takes it. The key is as far as
// the object's name can be read.
func DatasetOf(o event.Object) (d *silver.Dataset, key bronze.Key, ok bool) {
	key, err := bronze.ParseKey(o.Key)
	if err != nil {
		return nil, bronze.Key{}, false
	}
	d, ok = datasets.Find(key.Source + "/" + key.Dataset)
	return d, key, ok
}

// Subject returns the NATS subject where the event of an object belongs, by the datasets that are defined.
func Subject(o event.Object) string {
	return event.SubjectOf(o, func(dataset string) bool {
		_, ok := datasets.Find(dataset)
		return ok
	})
}
