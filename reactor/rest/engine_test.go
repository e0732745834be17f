package rest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/apache/iceberg-go/table"

	"millrace/reactor/lake"
)

// Engines that do not name themselves in their snapshots are named by what they say over HTTP; what an engine says in a snapshot stays.
func TestASnapshotNamesTheEngineThatMadeIt(t *testing.T) {
	onEach(t, func(t *testing.T, c *catalog) {
		c.TB = t
		c.makeTable("signed", "t")
		const path = "/v1/namespaces/signed/tables/t"
		for i, tt := range []struct{ agent, summary, want string }{
			{"PyIceberg/0.12.0", "", "engine-name=PyIceberg engine-version=0.12.0"},
			{"duckdb/v1.5.5(linux_amd64) python/3.13", "", "engine-name=duckdb engine-version=1.5.5"},
			{"PyIceberg/0.12.0", `,"engine-name":"mine","engine-version":"7"`, "engine-name=mine engine-version=7"},
			{"Apache-HttpClient/5.5 (Java/17)", `,"engine-name":"spark"`, "engine-name=spark"},
			{"Apache-HttpClient/5.5 (Java/17)", "", "an engine that does not name itself"},
			{"Go-http-client/1.1", "", "an engine that does not name itself"},
			{`{"evil":"/1`, "", "an engine that does not name itself"},
			{strings.Repeat("a", 1000) + "/1", "", "an engine that does not name itself"},
		} {
			n := i + 1
			body := fmt.Sprintf(`{"requirements":[],"updates":[{"action":"add-snapshot","snapshot":{"snapshot-id":%[1]d,"sequence-number":%[1]d,"timestamp-ms":%[2]d,"schema-id":0,
				"manifest-list":"s3://lakehouse/tables/signed/t/metadata/%[1]d.avro","summary":{"operation":"append"%[3]s}}},{"action":"set-snapshot-ref","ref-name":"main","type":"branch","snapshot-id":%[1]d}]}`,
				n, time.Now().UnixMilli()+int64(n), tt.summary)
			made := as[loaded](t, c.must("POST", path, body, "User-Agent", tt.agent))
			text, err := c.lake.Metadata(t.Context(), made.MetadataLocation)
			if err != nil {
				t.Fatal(err)
			}
			m, err := table.ParseMetadataBytes(text)
			if err != nil {
				t.Fatal(err)
			}
			s := m.SnapshotByID(int64(n))
			if got := lake.MadeBy(s); got != tt.want || s.Summary.Operation != table.OpAppend {
				t.Errorf("%.40q with %q: %q, want %q", tt.agent, tt.summary, got, tt.want)
			}
		}
		// A commit of a table that is only staged is reported before it is there.
		c.must("POST", "/v1/namespaces/signed/tables/staged/metrics", `{"report-type":"commit-report"}`)
	})
}
