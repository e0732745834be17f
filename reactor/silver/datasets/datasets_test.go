package datasets_test

import (
	"testing"

	"millrace/reactor/silver/datasets"
)

func TestNamesAndTablesAreUnique(t *testing.T) {
	names, tables := map[string]bool{}, map[string]bool{}
	for _, d := range datasets.All() {
		if names[d.Name] || tables[d.Table] {
			t.Errorf("dataset %s, table %s: one of them is there twice", d.Name, d.Table)
		}
		names[d.Name], tables[d.Table] = true, true
		if found, ok := datasets.Find(d.Name); !ok || found != d {
			t.Errorf("Find(%q) = %v, %v", d.Name, found, ok)
		}
	}
	if d, ok := datasets.Find("coincap/none"); ok {
		t.Errorf("a dataset that is not there is %s", d.Name)
	}
}
