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
	Tables []DescribedTable `json:"tables"`
	// Models come each after those that it reads.
	Models []DescribedModel `json:"models"`
}

// DescribedTable is a table of silver or gold.
type DescribedTable struct {
	Name    string        `json:"name"`
	Dataset string        `json:"dataset,omitempty"` // whose objects fill it
	Key     []string      `json:"key"`
	Order   []silver.Term `json:"order,omitempty"` // sorts rows of one key; the first one wins, as a whole row
	Month   string        `json:"month"`           // the column of time by whose month rows are chosen
	// Partition is how files are divided, where that is not by the month.
	Partition string          `json:"partition,omitempty"`
	Schema    *iceberg.Schema `json:"schema"`
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
	var d Described
	add := func(t DescribedTable) bool {
		if name != "" && name != t.Name && name != t.Dataset {
			return false
		}
		d.Tables = append(d.Tables, t)
		return true
	}
	for _, s := range datasets.All() {
		t := DescribedTable{Name: s.TableName(), Dataset: s.Name, Key: s.Key, Order: s.Winner.Terms(), Month: gold.SilverTime, Schema: s.Schema()}
		if s.Partition != (silver.Partition{}) {
			t.Partition = s.Partition.String()
		}
		add(t)
	}
	add(DescribedTable{Name: Rejected, Key: silver.RejectedKey(), Month: silver.RejectedMonth, Schema: silver.RejectedSchema()})
	for _, m := range set.Models {
		if add(DescribedTable{Name: m.Name, Key: m.Grain, Month: gold.Day, Schema: m.Schema()}) {
			d.Models = append(d.Models, DescribedModel{m.Name, m.Grain, m.Lookback, m.Inputs, m.Digest, m.SQL})
		}
	}
	return d
}
