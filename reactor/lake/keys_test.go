package lake

import (
	"fmt"
	"slices"
	"testing"
)

func TestKeysAreFoundByTheirBeginning(t *testing.T) {
	all := []string{"bronze/a/b/1.json", "bronze/a/b/10.json", "bronze/a/b/2.json", "bronze/a/b/50%_off.json", "bronze/a/b_2.json", "bronze/a/bé.json", "bronze/b.json"}
	eachDatabase(t, func(t *testing.T, address string) {
		l := &Lake{catalog: opened(t, address)}
		for i, key := range all {
			for version := range 2 {
				e := Entry{EventID: fmt.Sprintf("%d-%d", i, version), Table: "t", SourceKey: key, SourceVersion: fmt.Sprint(version), Outcome: OutcomeDone}
				if err := l.Record(t.Context(), e); err != nil {
					t.Fatal(err)
				}
			}
		}
		for _, c := range []struct {
			prefix string
			n      int
			want   []string
		}{
			{"bronze/a/b/1", 9, all[:2]}, {"bronze/a/b/", 9, all[:4]}, {"bronze/a/b/50%", 9, all[3:4]}, {"bronze/a/b_", 9, all[4:5]}, {"bronze/a/bé", 9, all[5:6]},
			{"bronze/a/b/1.json", 9, all[:1]}, {"bronze/z", 9, nil}, {"bronze/a/b/50", 1, all[3:4]},
		} {
			got, err := l.KeysFrom(t.Context(), c.prefix, c.n)
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(got) // a database's own order of texts may be another one
			if !slices.Equal(got, c.want) {
				t.Errorf("%q: %q, want %q", c.prefix, got, c.want)
			}
		}
		if got, err := l.KeysFrom(t.Context(), "bronze/", 3); err != nil || len(got) != 3 {
			t.Errorf("three of all keys: %q, %v", got, err)
		}
	})
}
