package rest_test

import (
	"fmt"
	"testing"
	"time"
)

// Some engines write manifests that iceberg-go cannot read. In a table of their own that is their affair; in silver it would stop the
// dataset and all of gold.
func TestACommitThatTheReactorCannotReadIsRefused(t *testing.T) {
	onEach(t, func(t *testing.T, c *catalog) {
		c.TB = t
		const path = "/v1/namespaces/silver/tables/points"
		c.stack.Put(t, "silver/points/metadata/broken.avro", []byte("Obj\x01 and no more"), nil)
		before := c.must("GET", path, "").body
		add := func(list string) string {
			return fmt.Sprintf(`{"requirements":[],"updates":[{"action":"add-snapshot","snapshot":{"snapshot-id":7,"sequence-number":1,"timestamp-ms":%d,"schema-id":0,
				"manifest-list":"s3://lakehouse/silver/points/metadata/%s","summary":{"operation":"append"}}},{"action":"set-snapshot-ref","ref-name":"main","type":"branch","snapshot-id":7}]}`,
				time.Now().UnixMilli(), list)
		}
		for name, list := range map[string]string{"a broken manifest list": "broken.avro", "one that is not there": "none.avro"} {
			c.refused(name, c.call("POST", path, add(list)), 400, "IllegalArgumentException")
		}
		if after := c.must("GET", path, "").body; after != before {
			t.Errorf("the table was\n%s\nand is\n%s", before, after)
		}
		// In a table of an engine's own nobody else reads it.
		c.must("POST", "/v1/namespaces", `{"namespace":["own"]}`)
		c.makeTable("own", "t")
		c.must("POST", "/v1/namespaces/own/tables/t", add("broken.avro"))
	})
}
