package tables

import (
	"github.com/apache/iceberg-go"

	"millrace/reactor/gold"
	"millrace/reactor/silver"
	"millrace/reactor/silver/datasets"
)

// Described is what another engine needs in order to compute the tables that this program computes. The rules of a value are not in
// it: objects become rows by `reactor extract`, wherever that runs.
type Described struct {
	// Winning orders rows of one key; the greatest wins, as a whole row.
	Winning []string         `json:"winning"`
	Tables  []DescribedTable `json:"tables"`
	// Models come each after those that it reads.
	Models []DescribedModel `json:"models"`
}

// DescribedTable is a table of silver or gold.
type DescribedTable struct {
	Name    string          `json:"name"`
	Dataset string          `json:"dataset,omitempty"` // whose objects fill it
	Key     []string        `json:"key"`
	Month   string          `json:"month"` // the column by whose month it is partitioned
	Schema  *iceberg.Schema `json:"schema"`
}

// DescribedModel is the SQL of a table of gold, in DuckDB's words.
type DescribedModel struct {
	Name     string   `json:"name"`
	Grain    []string `json:"grain"`
	Lookback int      `json:"lookback"` // days
	Inputs   []string `json:"inputs"`
	Digest   string   `json:"digest"`
	SQL      string   `json:"sql"`
}

// Describe describes all tables, or the one of a name; a dataset's name stands for its table. Nothing is found under another name.
func Describe(set *gold.Set, name string) Described {
	d := Described{Winning: silver.Winning()}
	add := func(t DescribedTable) bool {
		if name != "" && name != t.Name && name != t.Dataset {
			return false
		}
		d.Tables = append(d.Tables, t)
		return true
	}
	for _, s := range datasets.All() {
		add(DescribedTable{s.TableName(), s.Name, s.Key, gold.SilverTime, s.Schema()})
	}
	add(DescribedTable{Name: Rejected, Key: silver.RejectedKey(), Month: silver.RejectedMonth, Schema: silver.RejectedSchema()})
	for _, m := range set.Models {
		if add(DescribedTable{Name: m.Name, Key: m.Grain, Month: gold.Day, Schema: m.Schema()}) {
			d.Models = append(d.Models, DescribedModel{m.Name, m.Grain, m.Lookback, m.Inputs, m.Digest, m.SQL})
		}
	}
	return d
}
