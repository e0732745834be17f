package rest_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestEachRefusalHasItsStatusAndType(t *testing.T) {
	onEach(t, func(t *testing.T, c *catalog) {
		c.TB = t
		made := c.makeTable("refused", "t")
		c.must("POST", "/v1/namespaces", `{"namespace":["refused","deep"],"properties":{"a":"b"}}`)
		const namespaces, tables, table = "/v1/namespaces", "/v1/namespaces/refused/tables", "/v1/namespaces/refused/tables/t"
		rename := func(from, to string) string {
			cut := func(name string) string {
				ns, n, _ := strings.Cut(name, ".")
				return fmt.Sprintf(`{"namespace":[%q],"name":%q}`, ns, n)
			}
			return fmt.Sprintf(`{"source":%s,"destination":%s}`, cut(from), cut(to))
		}
		update := func(updates string) string { return `{"requirements":[],"updates":[` + updates + `]}` }
		for _, tt := range []struct {
			what, method, path, body string
			status                   int
			kind                     string
		}{
			{"another warehouse", "GET", "/v1/config?warehouse=other", "", 404, "NoSuchWarehouseException"},
			{"a call that there is not", "GET", "/v1/functions", "", 404, "NotFoundException"},
			{"a namespace that is there", "POST", namespaces, `{"namespace":["refused"]}`, 409, "AlreadyExistsException"},
			{"a namespace that is there for its child's sake", "POST", namespaces, `{"namespace":["silver"]}`, 409, "AlreadyExistsException"},
			{"a namespace without levels", "POST", namespaces, `{"namespace":[]}`, 400, "BadRequestException"},
			{"a namespace with a dot", "POST", namespaces, `{"namespace":["a.b"]}`, 400, "BadRequestException"},
			{"a namespace with a slash", "POST", namespaces, `{"namespace":["a/b"]}`, 400, "BadRequestException"},
			{"a namespace with a control character", "POST", namespaces, `{"namespace":["a\u0001"]}`, 400, "BadRequestException"},
			{"a namespace with a long name", "POST", namespaces, `{"namespace":["` + strings.Repeat("a", 256) + `"]}`, 400, "BadRequestException"},
			{"a namespace's reserved property", "POST", namespaces, `{"namespace":["z"],"properties":{"exists":"no"}}`, 400, "IllegalArgumentException"},
			{"a namespace in silver", "POST", namespaces, `{"namespace":["silver","x"]}`, 403, "ForbiddenException"},
			{"no JSON", "POST", namespaces, `{"namespace":`, 400, "BadRequestException"},
			{"two bodies", "POST", namespaces, `{"namespace":["y"]}{}`, 400, "BadRequestException"},
			{"a parent that is not there", "GET", namespaces + "?parent=nothing", "", 404, "NoSuchNamespaceException"},
			{"a namespace that is not there", "GET", namespaces + "/nothing", "", 404, "NoSuchNamespaceException"},
			{"properties of nothing", "POST", namespaces + "/nothing/properties", `{"updates":{"a":"b"}}`, 404, "NoSuchNamespaceException"},
			{"a property both ways", "POST", namespaces + "/refused/properties", `{"updates":{"a":"b"},"removals":["a"]}`, 422, "UnprocessableEntityException"},
			{"a drop of nothing", "DELETE", namespaces + "/nothing", "", 404, "NoSuchNamespaceException"},
			{"a drop of a namespace with a table", "DELETE", namespaces + "/refused", "", 409, "NamespaceNotEmptyException"},
			{"a drop of silver", "DELETE", namespaces + "/silver", "", 403, "ForbiddenException"},
			{"tables of nothing", "GET", namespaces + "/nothing/tables", "", 404, "NoSuchNamespaceException"},
			{"a table in nothing", "POST", namespaces + "/nothing/tables", `{"name":"t",` + columns + `}`, 404, "NoSuchNamespaceException"},
			{"a table that is there", "POST", tables, `{"name":"t",` + columns + `}`, 409, "AlreadyExistsException"},
			{"a table without a schema", "POST", tables, `{"name":"u"}`, 400, "BadRequestException"},
			{"a table without a name", "POST", tables, `{` + columns + `}`, 400, "BadRequestException"},
			{"a table with a path for a name", "POST", tables, `{"name":"../u",` + columns + `}`, 400, "BadRequestException"},
			{"a table in bronze", "POST", tables, `{"name":"u","location":"s3://lakehouse/bronze/u",` + columns + `}`, 400, "IllegalArgumentException"},
			{"a table in silver's folder", "POST", tables, `{"name":"u","location":"s3://lakehouse/silver/points",` + columns + `}`, 400, "IllegalArgumentException"},
			{"a table in another bucket", "POST", tables, `{"name":"u","location":"s3://other/tables/u",` + columns + `}`, 400, "IllegalArgumentException"},
			{"a table in files", "POST", tables, `{"name":"u","location":"file:/tmp/u",` + columns + `}`, 400, "IllegalArgumentException"},
			{"a table in another one's folder", "POST", tables, `{"name":"u","location":"` + made.Metadata.Location + `/u",` + columns + `}`, 400, "IllegalArgumentException"},
			{"a table whose metadata would lie in bronze", "POST", tables, `{"name":"u","properties":{"write.metadata.path":"s3://lakehouse/bronze/m"},` + columns + `}`, 400, "IllegalArgumentException"},
			{"a table of a format that there is not", "POST", tables, `{"name":"u","properties":{"format-version":"9"},` + columns + `}`, 400, "IllegalArgumentException"},
			{"a table of silver", "POST", namespaces + "/silver/tables", `{"name":"u",` + columns + `}`, 403, "ForbiddenException"},
			{"a table that is not there", "GET", tables + "/u", "", 404, "NoSuchTableException"},
			{"snapshots of another kind", "GET", table + "?snapshots=some", "", 400, "BadRequestException"},
			{"a commit to nothing", "POST", tables + "/u", update(""), 404, "NoSuchTableException"},
			{"a commit to another table", "POST", table, `{"identifier":{"namespace":["refused"],"name":"u"},"requirements":[],"updates":[]}`, 400, "BadRequestException"},
			{"an update that nobody knows", "POST", table, update(`{"action":"paint"}`), 400, "BadRequestException"},
			{"an update without its field", "POST", table, update(`{"action":"set-location"}`), 400, "BadRequestException"},
			{"a requirement that nobody knows", "POST", table, set("a", "b", `{"type":"assert-luck"}`), 400, "BadRequestException"},
			{"a requirement without its field", "POST", table, set("a", "b", `{"type":"assert-table-uuid"}`), 400, "BadRequestException"},
			{"a schema that is not there", "POST", table, update(`{"action":"set-current-schema","schema-id":9}`), 400, "IllegalArgumentException"},
			{"a snapshot that is not there", "POST", table, update(`{"action":"set-snapshot-ref","ref-name":"main","type":"branch","snapshot-id":9}`), 400, "IllegalArgumentException"},
			{"a move into bronze", "POST", table, update(`{"action":"set-location","location":"s3://lakehouse/bronze/u"}`), 400, "IllegalArgumentException"},
			{"a move of silver", "POST", namespaces + "/silver/tables/points", update(`{"action":"set-location","location":"s3://lakehouse/tables/points"}`), 403, "ForbiddenException"},
			{"another place for silver's metadata", "POST", namespaces + "/silver/tables/points", update(`{"action":"set-properties","updates":{"write.metadata.path":"s3://lakehouse/tables/points"}}`), 403, "ForbiddenException"},
			{"a new table and a requirement", "POST", tables + "/u", set("a", "b", `{"type":"assert-create"},{"type":"assert-current-schema-id","current-schema-id":0}`), 400, "BadRequestException"},
			{"a registration of nothing", "POST", namespaces + "/refused/register", `{"name":"u"}`, 400, "BadRequestException"},
			{"a registration of what is not there", "POST", namespaces + "/refused/register", `{"name":"u","metadata-location":"s3://lakehouse/tables/x/metadata/1.metadata.json"}`, 404, "NotFoundException"},
			{"a registration of a secret", "POST", namespaces + "/refused/register", `{"name":"u","metadata-location":"s3://lakehouse/bronze/coincap/a.json"}`, 400, "IllegalArgumentException"},
			{"a registration of silver", "POST", namespaces + "/refused/register", `{"name":"u","metadata-location":"s3://lakehouse/silver/points/metadata/1.metadata.json"}`, 400, "IllegalArgumentException"},
			{"a registration of a taken name", "POST", namespaces + "/refused/register", `{"name":"t","metadata-location":"` + made.MetadataLocation + `"}`, 409, "AlreadyExistsException"},
			{"a rename of nothing", "POST", "/v1/tables/rename", rename("refused.u", "refused.v"), 404, "NoSuchTableException"},
			{"a rename into nothing", "POST", "/v1/tables/rename", rename("refused.t", "nothing.t"), 404, "NoSuchNamespaceException"},
			{"a rename of silver", "POST", "/v1/tables/rename", rename("silver.points", "refused.points"), 403, "ForbiddenException"},
			{"a rename into gold", "POST", "/v1/tables/rename", rename("refused.t", "gold.t"), 403, "ForbiddenException"},
			{"a drop of no table", "DELETE", tables + "/u", "", 404, "NoSuchTableException"},
			{"a purge of maybe", "DELETE", table + "?purgeRequested=maybe", "", 400, "BadRequestException"},
			{"a drop of silver's table", "DELETE", namespaces + "/silver/tables/points", "", 403, "ForbiddenException"},
			{"a purge of gold's table", "DELETE", namespaces + "/gold/tables/days?purgeRequested=true", "", 403, "ForbiddenException"},
			{"credentials for nothing", "GET", tables + "/u/credentials", "", 404, "NoSuchTableException"},
			{"metrics of nothing", "POST", tables + "/u/metrics", `{"report-type":"scan-report"}`, 404, "NoSuchTableException"},
			{"metrics of a commit in no namespace", "POST", namespaces + "/nowhere/tables/u/metrics", `{"report-type":"commit-report"}`, 404, "NoSuchNamespaceException"},
			{"metrics of no kind", "POST", table + "/metrics", `{}`, 400, "BadRequestException"},
			{"a transaction of nothing", "POST", "/v1/transactions/commit", `{"table-changes":[]}`, 400, "BadRequestException"},
			{"a transaction of no table", "POST", "/v1/transactions/commit", `{"table-changes":[` + update("") + `]}`, 400, "BadRequestException"},
			{"a view without SQL", "POST", namespaces + "/refused/views", `{"name":"v",` + columns + `,"view-version":{"version-id":1,"schema-id":0,"timestamp-ms":1,"summary":{},"default-namespace":["refused"],"representations":[]},"properties":{}}`, 400, "IllegalArgumentException"},
			{"a view without a version", "POST", namespaces + "/refused/views", `{"name":"v",` + columns + `}`, 400, "BadRequestException"},
			{"a view in gold", "POST", namespaces + "/gold/views", viewBody("v", "select 1"), 403, "ForbiddenException"},
			{"a view that is not there", "GET", namespaces + "/refused/views/v", "", 404, "NoSuchViewException"},
		} {
			c.refused(tt.what, c.call(tt.method, tt.path, tt.body), tt.status, tt.kind)
		}
		if now := c.load("refused", "t"); now.MetadataLocation != made.MetadataLocation {
			t.Error("a refused call changed the table")
		}
		if left := c.must("GET", tables, ""); strings.Count(left.body, `"name"`) != 1 {
			t.Errorf("the tables are %s", left.body)
		}
	})
}

func TestANamespaceHasPropertiesAndLevels(t *testing.T) {
	onEach(t, func(t *testing.T, c *catalog) {
		c.TB = t
		c.must("POST", "/v1/namespaces", `{"namespace":["a"],"properties":{"owner":"x","kept":"1"}}`)
		c.must("POST", "/v1/namespaces", `{"namespace":["a","b","c"]}`)
		for path, want := range map[string]string{
			"/v1/namespaces?parent=a":         `{"namespaces":[["a","b"]],"next-page-token":null}`,
			"/v1/namespaces?parent=a%1Fb":     `{"namespaces":[["a","b","c"]],"next-page-token":null}`,
			"/v1/namespaces?parent=a%1Fb%1Fc": `{"namespaces":[],"next-page-token":null}`,
			"/v1/namespaces/a%1Fb":            `{"namespace":["a","b"],"properties":{}}`,
			"/v1/namespaces/a":                `{"namespace":["a"],"properties":{"kept":"1","owner":"x"}}`,
		} {
			if got := c.must("GET", path, "").body; got != want {
				t.Errorf("%s: %s, want %s", path, got, want)
			}
		}
		if got, want := c.must("POST", "/v1/namespaces/a/properties", `{"updates":{"new":"2"},"removals":["owner","nothing"]}`).body, `{"missing":["nothing"],"removed":["owner"],"updated":["new"]}`; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if got, want := c.must("GET", "/v1/namespaces/a", "").body, `{"namespace":["a"],"properties":{"kept":"1","new":"2"}}`; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		c.refused("a drop of a namespace with another in it", c.call("DELETE", "/v1/namespaces/a", ""), 409, "NamespaceNotEmptyException")
		c.must("DELETE", "/v1/namespaces/a%1Fb%1Fc", "")
		c.must("DELETE", "/v1/namespaces/a", "")
		c.refused("the dropped namespace", c.call("GET", "/v1/namespaces/a", ""), 404, "NoSuchNamespaceException")
	})
}

func TestOnlyWhoHasATokenIsAnswered(t *testing.T) {
	onEach(t, func(t *testing.T, c *catalog) {
		c.TB = t
		for _, token := range []string{"", "wrong-0123456789abcdef", owner + "x"} {
			c.token = token
			a := c.call("GET", "/v1/config", "")
			c.refused("token "+token, a, 401, "NotAuthorizedException")
			if a.header.Get("WWW-Authenticate") == "" {
				t.Error("a client is not told that it needs a token")
			}
		}
		form := func(body string, headers ...string) answer {
			return c.call("POST", "/v1/oauth/tokens", body, append(headers, "Content-Type", "application/x-www-form-urlencoded", "Authorization", "")...)
		}
		for body, want := range map[string]int{
			"grant_type=client_credentials&client_id=owner&client_secret=" + owner:                            200,
			"grant_type=client_credentials&client_secret=" + analyst:                                          200,
			"grant_type=client_credentials&client_id=owner&client_secret=" + analyst:                          401,
			"grant_type=client_credentials&client_id=owner&client_secret=wrong-0123456789abcdef":              401,
			"grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token=" + owner:               200,
			"grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token=wrong-0123456789abcdef": 401,
			"grant_type=password&client_secret=" + owner:                                                      400,
		} {
			a := form(body)
			if a.status != want {
				t.Errorf("%s: %d %s, want %d", body, a.status, a.body, want)
			}
			if token := as[map[string]any](t, a)["access_token"]; want == 200 {
				c.token, _ = token.(string)
				c.must("GET", "/v1/config", "")
			} else if as[map[string]any](t, a)["error"] == "" {
				t.Errorf("%s: no OAuth error in %s", body, a.body)
			}
		}
	})
}
