package rest_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/google/uuid"
)

func TestARequestWithAKeyTakesEffectOnce(t *testing.T) {
	onEach(t, func(t *testing.T, c *catalog) {
		c.TB = t
		t1 := c.makeTable("once", "t")
		second := c.serve(c.open())
		key := func() string { return uuid.Must(uuid.NewV7()).String() }
		for _, tt := range []struct {
			what, method, path, body string
			status                   int
		}{
			{"a namespace", "POST", "/v1/namespaces", `{"namespace":["once_more"]}`, 200},
			{"properties", "POST", "/v1/namespaces/once/properties", `{"updates":{"a":"b"}}`, 200},
			{"a table", "POST", "/v1/namespaces/once/tables", `{"name":"u",` + columns + `}`, 200},
			{"a commit", "POST", "/v1/namespaces/once/tables/t", set("k", "v", `{"type":"assert-current-schema-id","current-schema-id":0},{"type":"assert-ref-snapshot-id","ref":"main","snapshot-id":null}`), 200},
			{"a rename", "POST", "/v1/tables/rename", `{"source":{"namespace":["once"],"name":"u"},"destination":{"namespace":["once"],"name":"w"}}`, 204},
			{"a view", "POST", "/v1/namespaces/once/views", viewBody("v", "select 1"), 200},
			{"a transaction", "POST", "/v1/transactions/commit", `{"table-changes":[{"identifier":{"namespace":["once"],"name":"t"},"requirements":[],"updates":[{"action":"set-properties","updates":{"both":"1"}}]}]}`, 204},
			{"a drop", "DELETE", "/v1/namespaces/once/tables/w", "", 204},
			{"a refusal", "POST", "/v1/namespaces/once/tables/t", set("k", "w", `{"type":"assert-current-schema-id","current-schema-id":7}`), 409},
			{"a table that is not there", "DELETE", "/v1/namespaces/once/tables/x", "", 404},
		} {
			k := key()
			first := c.call(tt.method, tt.path, tt.body, "Idempotency-Key", k)
			if first.status != tt.status {
				t.Errorf("%s: %d %s, want %d", tt.what, first.status, first.body, tt.status)
			}
			before := c.load("once", "t").MetadataLocation
			for _, url := range []string{c.url, second} {
				again, err := c.try(tt.method, url+tt.path, tt.body, "Idempotency-Key", k)
				if err != nil || again.status != tt.status || tt.status >= 400 && again.body != first.body {
					t.Errorf("%s again: %d %s %v, want %d", tt.what, again.status, again.body, err, tt.status)
				}
			}
			if now := c.load("once", "t").MetadataLocation; now != before {
				t.Errorf("%s again: it took effect again", tt.what)
			}
			c.refused(tt.what+" and another request with its key", c.call("POST", "/v1/namespaces", `{"namespace":["another"]}`, "Idempotency-Key", k), 422, "UnprocessableEntityException")
		}
		c.refused("a key that is none", c.call("POST", "/v1/namespaces", `{"namespace":["another"]}`, "Idempotency-Key", "1"), 400, "BadRequestException")
		if got := c.load("once", "t"); got.Metadata.UUID != t1.Metadata.UUID || got.Metadata.Properties["k"] != "v" {
			t.Errorf("the table is %+v", got)
		}
	})
}

// Many send one request at once, to two servers: each is answered as if it had been the only one.
func TestOneOfManyAtOnceTakesEffect(t *testing.T) {
	onEach(t, func(t *testing.T, c *catalog) {
		c.TB = t
		c.makeTable("many", "t")
		second := c.serve(c.open())
		for round := range 5 {
			k := uuid.Must(uuid.NewV7()).String()
			body := set(fmt.Sprint("k", round), "v", fmt.Sprintf(`{"type":"assert-last-assigned-field-id","last-assigned-field-id":%d}`, 2))
			logged := len(c.load("many", "t").Metadata.MetadataLog)
			var wg sync.WaitGroup
			for i := range 8 {
				url := []string{c.url, second}[i%2]
				wg.Go(func() {
					a, err := c.try("POST", url+"/v1/namespaces/many/tables/t", body, "Idempotency-Key", k)
					if err != nil || a.status != http.StatusOK {
						t.Errorf("%d %s %v", a.status, a.body, err)
					}
				})
			}
			wg.Wait()
			if got := len(c.load("many", "t").Metadata.MetadataLog); got != logged+1 {
				t.Errorf("round %d: %d commits, want one", round, got-logged)
			}
		}
	})
}
