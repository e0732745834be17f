package rest_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"millrace/tests/harness"
)

// withSnapshots gives a table a thousand snapshots, as a commit of an engine does.
func (c *catalog) withSnapshots(namespace, name string, n int) {
	c.Helper()
	c.makeTable(namespace, name)
	now := time.Now().UnixMilli()
	for begin := 0; begin < n; begin += 250 {
		updates := ""
		for i := begin + 1; i <= begin+250; i++ {
			parent := ""
			if i > 1 {
				parent = fmt.Sprintf(`"parent-snapshot-id":%d,`, i-1)
			}
			updates += fmt.Sprintf(`{"action":"add-snapshot","snapshot":{"snapshot-id":%d,%s"sequence-number":%d,"timestamp-ms":%d,"schema-id":0,"manifest-list":"s3://lakehouse/tables/%s/%s/metadata/snap-%d-1-0000.avro",
				"summary":{"operation":"append","added-data-files":"1","added-records":"20","added-files-size":"4711","changed-partition-count":"1","total-records":"%d","total-files-size":"4711000","total-data-files":"1000","total-delete-files":"0","total-position-deletes":"0","total-equality-deletes":"0"}}},
				{"action":"set-snapshot-ref","ref-name":"main","type":"branch","snapshot-id":%d},`, i, parent, i, now+int64(i), namespace, name, i, 20*i, i)
		}
		c.must("POST", "/v1/namespaces/"+namespace+"/tables/"+name, `{"requirements":[],"updates":[`+updates[:len(updates)-1]+`]}`)
	}
}

// The figure is p50-ms: what a client waits for a table with a thousand snapshots, whole and with those of branches and tags alone.
func BenchmarkLoadOfAThousandSnapshots(b *testing.B) {
	c := newCatalog(b, harness.Start(b, harness.WithoutReactor()), databases["SQLite"](b))
	c.withSnapshots("bench", "t", 1000)
	for _, query := range []string{"", "?snapshots=refs"} {
		b.Run("snapshots"+query, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				c.must("GET", "/v1/namespaces/bench/tables/t"+query, "")
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
		})
	}
}

func TestOnlyTheSnapshotsOfBranchesAndTagsAreSentWhereAsked(t *testing.T) {
	onEach(t, func(t *testing.T, c *catalog) {
		c.TB = t
		c.withSnapshots("snapshots", "t", 250)
		const path = "/v1/namespaces/snapshots/tables/t"
		c.must("POST", path, `{"requirements":[{"type":"assert-ref-snapshot-id","ref":"main","snapshot-id":250}],"updates":[{"action":"set-snapshot-ref","ref-name":"kept","type":"tag","snapshot-id":7}]}`)
		all, refs := as[loaded](t, c.must("GET", path+"?snapshots=all", "")).Metadata, as[loaded](t, c.must("GET", path+"?snapshots=refs", "")).Metadata
		if len(all.Snapshots) != 250 || len(refs.Snapshots) != 2 || refs.Snapshots[0].ID != 7 || refs.Snapshots[1].ID != 250 || len(refs.Refs) != 2 || refs.UUID != all.UUID {
			t.Errorf("all has %d snapshots, refs has %+v", len(all.Snapshots), refs)
		}
		// Snapshots of a state that has passed are a conflict, which the engine solves, and no mistake of its.
		c.refused("an old sequence number", c.call("POST", path, `{"requirements":[],"updates":[{"action":"add-snapshot","snapshot":{"snapshot-id":999,"parent-snapshot-id":249,"sequence-number":250,"timestamp-ms":`+fmt.Sprint(time.Now().UnixMilli()+1000)+`,"manifest-list":"s3://lakehouse/x","summary":{"operation":"append"}}}]}`), 409, "CommitFailedException")
	})
}
