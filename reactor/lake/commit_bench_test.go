package lake_test

import (
	"testing"

	"millrace/reactor/lake"
	"millrace/tests/harness"
)

// A commit as gold makes it: each table's file of a month replaced by one with 600 rows. What it takes is object storage's
// round trips and the transaction's fsync, so it needs a real MinIO.
func BenchmarkCommit(b *testing.B) {
	s := harness.Start(b, harness.WithoutReactor())
	rows := make([]row, 600)
	for i := range rows {
		rows[i] = row{"coin", 600, int64(i)}
	}
	for name, tables := range map[string][]string{"one table": {"a"}, "two tables": {"a", "b"}} {
		b.Run(name, func(b *testing.B) {
			l := open(b, s)
			for b.Loop() {
				v := view(b, l)
				var changes []lake.Change
				for _, t := range tables {
					base := v.Tables[b.Name()+"."+t]
					old, err := l.Files(b.Context(), base, base.Snapshot(), lake.AllMonths)
					if err != nil {
						b.Fatal(err)
					}
					changes = append(changes, change(b, base, old, rows...))
				}
				if _, err := l.Commit(b.Context(), changes, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
