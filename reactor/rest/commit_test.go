package rest_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/apache/iceberg-go"

	"millrace/reactor/lake"
)

// Whoever commits to a table, by this server, by another one or by the lake's own commit: each commit that was answered is in the table, and
// no other.
func TestNoCommitIsLost(t *testing.T) {
	onEach(t, func(t *testing.T, c *catalog) {
		c.TB = t
		const path, writers, each = "/v1/namespaces/silver/tables/points", 3, 8
		second := c.serve(c.open())
		var mu sync.Mutex
		done := map[string]bool{}
		note := func(key string) {
			mu.Lock()
			defer mu.Unlock()
			done[key] = true
		}
		var wg sync.WaitGroup
		for w := range writers {
			url := []string{c.url, second}[w%2]
			wg.Go(func() {
				for n := range each {
					key := fmt.Sprintf("rest-%d-%d", w, n)
					a, err := c.try("POST", url+path, set(key, "1", ""))
					switch {
					case err != nil || a.status != http.StatusOK && a.status != http.StatusConflict:
						t.Errorf("%s: %d %s %v", key, a.status, a.body, err)
					case a.status == http.StatusOK:
						note(key)
					}
				}
			})
			wg.Go(func() {
				for n := range each {
					key := fmt.Sprintf("lake-%d-%d", w, n)
					err := lake.Patient.Do(t.Context(), func() error {
						view, err := c.lake.OwnView(t.Context())
						if err != nil {
							return err
						}
						_, err = c.lake.Commit(t.Context(), []lake.Change{{Base: view.Tables["silver.points"], Properties: iceberg.Properties{key: "1"}}}, nil)
						return err
					})
					if err != nil {
						t.Errorf("%s: %v", key, err)
						continue
					}
					note(key)
				}
			})
		}
		wg.Wait()
		now := c.load("silver", "points").Metadata
		for key := range done {
			if now.Properties[key] != "1" {
				t.Errorf("%s was committed and is not there", key)
			}
		}
		for key := range now.Properties {
			if (strings.HasPrefix(key, "rest-") || strings.HasPrefix(key, "lake-")) && !done[key] {
				t.Errorf("%s is there and was not committed", key)
			}
		}
		if len(done) < writers*each {
			t.Errorf("%d of %d commits came through", len(done), 2*writers*each)
		}
	})
}

// A commit that requires the table to be as it was read takes nothing from another one: of those that add a column to one state of the
// table, one succeeds.
func TestACommitOfAnOldStateIsRefused(t *testing.T) {
	onEach(t, func(t *testing.T, c *catalog) {
		c.TB = t
		c.makeTable("race", "t")
		const path, writers, each = "/v1/namespaces/race/tables/t", 4, 5
		second := c.serve(c.open())
		add := func(last int, name string) string {
			fields := `{"id":1,"name":"id","type":"string","required":true},{"id":2,"name":"n","type":"long","required":false}`
			for id := 3; id <= last; id++ {
				fields += fmt.Sprintf(`,{"id":%d,"name":"c%d","type":"long","required":false}`, id, id)
			}
			fields += fmt.Sprintf(`,{"id":%d,"name":%q,"type":"long","required":false,"doc":%q}`, last+1, fmt.Sprintf("c%d", last+1), name)
			return fmt.Sprintf(`{"requirements":[{"type":"assert-last-assigned-field-id","last-assigned-field-id":%d}],"updates":[{"action":"add-schema","schema":{"type":"struct","schema-id":0,"fields":[%s]}},{"action":"set-current-schema","schema-id":-1}]}`, last, fields)
		}
		var wg sync.WaitGroup
		for w := range writers {
			url := []string{c.url, second}[w%2]
			wg.Go(func() {
				for n := 0; n < each; {
					a, err := c.try("GET", url+path, "")
					if err != nil || a.status != http.StatusOK {
						t.Errorf("load: %d %s %v", a.status, a.body, err)
						return
					}
					last := as[loaded](t, a).Metadata.LastColumnID
					a, err = c.try("POST", url+path, add(last, fmt.Sprint("writer ", w)))
					switch {
					case err == nil && a.status == http.StatusOK:
						n++
					case err != nil || a.status != http.StatusConflict:
						t.Errorf("commit: %d %s %v", a.status, a.body, err)
						return
					}
				}
			})
		}
		wg.Wait()
		if got := c.load("race", "t").Metadata; got.LastColumnID != 2+writers*each || len(got.Schemas) != 1+writers*each {
			t.Errorf("the last column is %d of %d schemas: want %d columns, one for each commit that succeeded", got.LastColumnID, len(got.Schemas), 2+writers*each)
		}
	})
}

func TestATransactionChangesAllItsTablesOrNone(t *testing.T) {
	onEach(t, func(t *testing.T, c *catalog) {
		c.TB = t
		c.makeTable("both", "a")
		b := c.makeTable("both", "b")
		changes := func(requirements string, names ...string) string {
			var all []string
			for _, name := range names {
				all = append(all, strings.Replace(set("k", name, requirements), "{", `{"identifier":{"namespace":["both"],"name":"`+name+`"},`, 1))
			}
			return `{"table-changes":[` + strings.Join(all, ",") + `]}`
		}
		has := func(what, a, b string) {
			t.Helper()
			if gotA, gotB := c.load("both", "a").Metadata.Properties["k"], c.load("both", "b").Metadata.Properties["k"]; gotA != a || gotB != b {
				t.Errorf("%s: the tables have %q and %q, want %q and %q", what, gotA, gotB, a, b)
			}
		}
		const path = "/v1/transactions/commit"
		c.refused("one table is another", c.call("POST", path, changes(`{"type":"assert-table-uuid","uuid":"`+b.Metadata.UUID+`"}`, "a", "b")), 409, "CommitFailedException")
		has("one table is another", "", "")
		c.refused("one table is not there", c.call("POST", path, changes("", "a", "x")), 404, "NoSuchTableException")
		has("one table is not there", "", "")
		c.refused("one table twice", c.call("POST", path, changes("", "a", "a")), 400, "BadRequestException")
		c.refused("one table with a place in bronze", c.call("POST", path, `{"table-changes":[{"identifier":{"namespace":["both"],"name":"a"},"requirements":[],"updates":[{"action":"set-properties","updates":{"k":"a"}}]},
			{"identifier":{"namespace":["both"],"name":"b"},"requirements":[],"updates":[{"action":"set-location","location":"s3://lakehouse/bronze/b"}]}]}`), 400, "IllegalArgumentException")
		has("one table with a place in bronze", "", "")
		if n := len(c.keys("tables/both/a/metadata/")); n != 1 && len(databases) == 1 {
			t.Errorf("%d metadata files of a are left, want that of its creation", n)
		}
		c.must("POST", path, changes("", "a", "b"))
		has("all fits", "a", "b")
	})
}

// A server that is killed at any moment leaves both tables as they were, or both changed.
func TestAKilledServerLeavesNoHalfOfATransaction(t *testing.T) {
	onEach(t, func(t *testing.T, c *catalog) {
		c.TB = t
		c.makeTable("killed", "a")
		c.makeTable("killed", "b")
		for round := range 4 {
			server := c.stack.StartIceberg(t, []string{"MILLRACE_CATALOG=" + c.address})
			c.token = server.Token
			acked := 0
			for n := 1; ; n++ {
				if n == 10+5*round {
					go server.Kill()
				}
				value := fmt.Sprintf("%d-%d", round, n)
				body := fmt.Sprintf(`{"table-changes":[{"identifier":{"namespace":["killed"],"name":"a"},"requirements":[],"updates":[{"action":"set-properties","updates":{"k":%[1]q}}]},
					{"identifier":{"namespace":["killed"],"name":"b"},"requirements":[],"updates":[{"action":"set-properties","updates":{"k":%[1]q}}]}]}`, value)
				a, err := c.try("POST", server.URI+"/v1/transactions/commit", body)
				if err != nil {
					break
				}
				if a.status != http.StatusNoContent {
					t.Fatalf("commit %d: %d %s", n, a.status, a.body)
				}
				acked = n
			}
			c.token = owner
			a, b := c.load("killed", "a").Metadata.Properties["k"], c.load("killed", "b").Metadata.Properties["k"]
			var gotRound, got int
			if _, err := fmt.Sscanf(a, "%d-%d", &gotRound, &got); err != nil || a != b || gotRound != round || got != acked && got != acked+1 {
				t.Errorf("round %d, killed after %d commits: the tables have %q and %q", round, acked, a, b)
			}
		}
	})
}
