package lake

import (
	"testing"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

func TestASnapshotSaysWhoMadeIt(t *testing.T) {
	for _, c := range []struct {
		summary *table.Summary
		want    string
	}{
		{nil, "an engine that does not name itself"},
		{&table.Summary{Operation: table.OpAppend, Properties: iceberg.Properties{"total-records": "3"}}, "an engine that does not name itself"},
		{&table.Summary{Operation: table.OpReplace, Properties: iceberg.Properties{"iceberg-version": "Apache Iceberg Go v0.7.0"}}, ""},
		{&table.Summary{Properties: iceberg.Properties{"millrace.run": "r", "millrace.objects": "2", "engine-name": "x"}}, "objects=2 run=r"},
		{&table.Summary{Properties: iceberg.Properties{"millrace.run": "", "millrace.objects": "2"}}, "objects=2"},
		{&table.Summary{Properties: iceberg.Properties{"millrace.step": "4", "millrace.silver.asset_prices": "77", "millrace.set.millrace.model-digest": "f"}}, "step=4"},
		{&table.Summary{Properties: iceberg.Properties{"millrace.silver.asset_prices": "77"}}, "millrace"},
		{&table.Summary{Properties: iceberg.Properties{"engine-name": "spark", "engine-version": "4.1.4", "app-id": "local-1", "iceberg-version": "Apache Iceberg 1.11.0", "total-records": "3"}},
			"engine-name=spark engine-version=4.1.4 app-id=local-1 iceberg-version=Apache Iceberg 1.11.0"},
	} {
		if got := MadeBy(&table.Snapshot{Summary: c.summary}); got != c.want {
			t.Errorf("%v: made by %q, want %q", c.summary, got, c.want)
		}
	}
}
