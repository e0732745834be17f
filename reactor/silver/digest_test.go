package silver_test

import (
	"testing"

	"millrace/reactor/silver"
	"millrace/reactor/silver/datasets"
)

// A digest that changes has every lake read its objects again. These were those when digests came; change one only together with the
// definition that it is of.
func TestDigestsOfReleasedDefinitionsStay(t *testing.T) {
	for name, want := range map[string]string{"coincap/assets": "2e0abf3ad029989d83707a643975b997", "coincap/history": "57b211c371d44e73844f16d68334db85"} {
		if got := datasets.Get(name).Digest(); got != want {
			t.Errorf("%s has the digest %s, want %s", name, got, want)
		}
	}
}

// What rows depend on changes the digest, and nothing else does.
func TestADigestIsOfWhatRowsDependOn(t *testing.T) {
	base := func() silver.Dataset {
		return silver.Dataset{
			Name: "test/prices", At: "data", Table: "prices", Key: []string{"id", "observed_at"},
			Fields: []silver.Field{
				{Column: "id", From: "id", Type: silver.Text, Required: true},
				{Column: "observed_at", From: "time", Type: silver.Time, Required: true},
				{Column: "price", From: "priceUsd", Type: silver.Decimal, Precision: 38, Scale: 28},
				{Column: "parts", From: "parts", Type: silver.Struct, Inner: []silver.Field{{Column: "a", From: "a", Type: silver.Long}}},
			},
		}
	}
	of := func(change func(*silver.Dataset)) string {
		d := base()
		change(&d)
		return silver.Define(d).Digest()
	}
	want := of(func(*silver.Dataset) {})
	for name, change := range map[string]func(*silver.Dataset){
		"a comment":     func(d *silver.Dataset) { d.Fields[2].Doc, d.Doc = "price [USD]", "prices" },
		"a former name": func(d *silver.Dataset) { d.Fields[2].Was = []string{"cost"} },
		"a partition":   func(d *silver.Dataset) { d.Partition.By = silver.Day },
		"a key's order": func(d *silver.Dataset) { d.Key = []string{"observed_at", "id"} },
		"a later field": func(d *silver.Dataset) { d.Fields, d.Later = d.Fields[:3], d.Fields[3:] },
	} {
		if got := of(change); got != want {
			t.Errorf("%s changes the digest", name)
		}
	}
	seen := map[string]string{want: "none"}
	for name, change := range map[string]func(*silver.Dataset){
		"a path":          func(d *silver.Dataset) { d.Fields[2].From = "price" },
		"another path":    func(d *silver.Dataset) { d.Fields[2].Names = []string{"price"} },
		"a type":          func(d *silver.Dataset) { d.Fields[2].Precision = 37 },
		"an inner type":   func(d *silver.Dataset) { d.Fields[3].Inner[0].Type = silver.Integer },
		"required":        func(d *silver.Dataset) { d.Fields[2].Required = true },
		"an ingest date":  func(d *silver.Dataset) { d.Fields[1].IngestDate = true },
		"not negative":    func(d *silver.Dataset) { d.Fields[2].NonNegative = true },
		"below":           func(d *silver.Dataset) { d.Fields[2].Below = 3 },
		"the least":       func(d *silver.Dataset) { d.Fields[2].Least = &silver.Bound{Text: "1"} },
		"the most":        func(d *silver.Dataset) { d.Fields[2].Most = &silver.Bound{Text: "1"} },
		"a default":       func(d *silver.Dataset) { d.Fields[2].Default = "1" },
		"metadata":        func(d *silver.Dataset) { d.Fields[2].Metadata = "price" },
		"an envelope":     func(d *silver.Dataset) { d.Fields[2].Envelope = "price" },
		"allowed texts":   func(d *silver.Dataset) { d.Fields[0].Allowed = []string{"a"} },
		"a length":        func(d *silver.Dataset) { d.Fields[0].MaxBytes = 5 },
		"a unit":          func(d *silver.Dataset) { d.Fields[1].Unit = "s" },
		"the rows":        func(d *silver.Dataset) { d.At = "rows" },
		"a lone row":      func(d *silver.Dataset) { d.Lone = "id" },
		"what is unknown": func(d *silver.Dataset) { d.Forget = true },
		"the winner":      func(d *silver.Dataset) { d.Winner.Rule = silver.Earliest },
		"the key":         func(d *silver.Dataset) { d.Key = append(d.Key, "price"); d.Fields[2].Required = true },
		"a column's name": func(d *silver.Dataset) { d.Fields[2].Column = "cost" },
	} {
		got := of(change)
		if seen[got] != "" {
			t.Errorf("%s has the digest of %s", name, seen[got])
		}
		seen[got] = name
	}
}
