package lake_test

import (
	"testing"

	"github.com/apache/iceberg-go"

	"millrace/reactor/lake"
	"millrace/tests/harness"
)

// A table of an earlier release has a compression level and no codec, which Spark 4 refuses to write.
func TestATableGetsThePropertiesThatItLacks(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())
	l := open(t, s)
	d := lake.Definition{Name: name(t, "a"), Schema: schema, Spec: byMonth}
	if err := l.Create(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if got := view(t, l).Tables[d.Name].Meta.Properties()["write.parquet.compression-codec"]; got != "zstd" {
		t.Errorf("a new table has the codec %q, want zstd", got)
	}
	set := func(p iceberg.Properties) {
		t.Helper()
		if _, err := l.Commit(t.Context(), []lake.Change{{Base: view(t, l).Tables[d.Name], Properties: p}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	set(iceberg.Properties{"write.parquet.compression-codec": "gzip"}) // by somebody
	d.Properties = iceberg.Properties{"later": "1"}                    // by a later release
	for range 2 {
		if err := l.Create(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	now := view(t, l).Tables[d.Name].Meta
	if now.Properties()["later"] != "1" || now.Properties()["write.parquet.compression-codec"] != "gzip" {
		t.Errorf("the table has %v: want what it lacked, and what somebody set", now.Properties())
	}
	if now.CurrentSnapshot() != nil {
		t.Error("properties made a snapshot")
	}
}
