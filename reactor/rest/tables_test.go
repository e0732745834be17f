package rest_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/apache/iceberg-go"
	icecatalog "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/table"
	s3 "github.com/minio/minio-go/v7"
)

func TestATableLivesFromItsCreationToItsPurge(t *testing.T) {
	onEach(t, func(t *testing.T, c *catalog) {
		c.TB = t
		lab := "lab_" + t.Name()[strings.LastIndex(t.Name(), "/")+1:]
		made := c.makeTable(lab, "t")
		want := "s3://lakehouse/tables/" + lab + "/t"
		if m := made.Metadata; m.Location != want || m.FormatVersion != 2 || m.LastColumnID != 2 || !strings.HasPrefix(made.MetadataLocation, want+"/metadata/00000-") {
			t.Errorf("the new table is %+v", made)
		}
		c.refused("the same table", c.call("POST", "/v1/namespaces/"+lab+"/tables", `{"name":"t",`+columns+`}`), 409, "AlreadyExistsException")

		// A column, by an engine that has seen the table.
		path := "/v1/namespaces/" + lab + "/tables/t"
		change := `{"requirements":[{"type":"assert-table-uuid","uuid":"` + made.Metadata.UUID + `"},{"type":"assert-last-assigned-field-id","last-assigned-field-id":2}],
			"updates":[{"action":"add-schema","schema":{"type":"struct","schema-id":1,"fields":[{"id":1,"name":"id","type":"string","required":true},{"id":2,"name":"n","type":"long","required":false},{"id":3,"name":"more","type":"double","required":false}]}},
			{"action":"set-current-schema","schema-id":-1}]}`
		a := c.must("POST", path, change)
		changed := as[loaded](t, a)
		if m := changed.Metadata; m.LastColumnID != 3 || m.CurrentSchemaID != 1 || len(m.MetadataLog) != 1 || changed.MetadataLocation == made.MetadataLocation {
			t.Errorf("after the change: %+v", changed)
		}
		c.refused("the change once more", c.call("POST", path, change), 409, "CommitFailedException")
		if now := c.load(lab, "t"); now.MetadataLocation != changed.MetadataLocation {
			t.Errorf("the catalog names %s, the commit answered %s", now.MetadataLocation, changed.MetadataLocation)
		}
		if again := as[loaded](t, c.must("POST", path, `{"requirements":[],"updates":[]}`)); again.MetadataLocation != changed.MetadataLocation {
			t.Error("a commit of nothing made metadata")
		}

		// Its name changes, its place does not.
		c.must("POST", "/v1/tables/rename", fmt.Sprintf(`{"source":{"namespace":[%q],"name":"t"},"destination":{"namespace":[%q],"name":"u"}}`, lab, lab))
		c.refused("its old name", c.call("GET", path, ""), 404, "NoSuchTableException")
		if got := c.load(lab, "u"); got.MetadataLocation != changed.MetadataLocation {
			t.Errorf("the renamed table is at %s", got.MetadataLocation)
		}
		// A new table of the old name must not lie in the folder of the other.
		if other := c.makeTable(lab, "t"); other.Metadata.Location == want || !strings.HasPrefix(other.Metadata.Location, want+"-") {
			t.Errorf("a new table of an old name lies at %s", other.Metadata.Location)
		}
		c.must("DELETE", path, "")

		// Dropped, its files stay, and it can be taken in again; purged, they go.
		c.must("DELETE", "/v1/namespaces/"+lab+"/tables/u", "")
		registered := as[loaded](t, c.must("POST", "/v1/namespaces/"+lab+"/register", fmt.Sprintf(`{"name":"v","metadata-location":%q}`, changed.MetadataLocation)))
		if registered.Metadata.UUID != made.Metadata.UUID {
			t.Errorf("registered %+v", registered)
		}
		if n := len(c.keys("tables/" + lab + "/t/")); n != 2 {
			t.Errorf("%d files before the purge, want 2", n)
		}
		c.must("DELETE", "/v1/namespaces/"+lab+"/tables/v?purgeRequested=true", "")
		if left := c.keys("tables/" + lab + "/t/"); len(left) != 0 {
			t.Errorf("after the purge: %v", left)
		}
		c.refused("the purged table", c.call("GET", "/v1/namespaces/"+lab+"/tables/v", ""), 404, "NoSuchTableException")
	})
}

// keys are those of the objects below a prefix.
func (c *catalog) keys(prefix string) (all []string) {
	c.Helper()
	for o := range c.stack.Client().ListObjects(c.Context(), c.stack.Bucket(), s3.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		if o.Err != nil {
			c.Fatal(o.Err)
		}
		all = append(all, o.Key)
	}
	return all
}

// A client that has the metadata gets none; one that asks for branches and tags alone gets other metadata than one that asks for all.
func TestALoadSaysWhetherTheMetadataIsNew(t *testing.T) {
	onEach(t, func(t *testing.T, c *catalog) {
		c.TB = t
		const path = "/v1/namespaces/silver/tables/points"
		all, refs := c.must("GET", path, ""), c.must("GET", path+"?snapshots=refs", "")
		tag := all.header.Get("ETag")
		if tag == "" || tag == refs.header.Get("ETag") {
			t.Errorf("the tags are %q for all and %q for refs", tag, refs.header.Get("ETag"))
		}
		for header, status := range map[string]int{tag: 304, "W/" + tag: 304, `"x", ` + tag: 304, refs.header.Get("ETag"): 200, `"x"`: 200} {
			if a := c.call("GET", path, "", "If-None-Match", header); a.status != status || status == 304 && a.body != "" {
				t.Errorf("If-None-Match %s: %d, want %d", header, a.status, status)
			}
		}
		c.must("POST", path, set("k", "v", ""))
		if a := c.call("GET", path, "", "If-None-Match", tag); a.status != http.StatusOK || as[loaded](t, a).Metadata.Properties["k"] != "v" {
			t.Errorf("after a commit: %d %s", a.status, a.body)
		}
	})
}

func TestAStagedTableIsThereOnceItIsCommitted(t *testing.T) {
	onEach(t, func(t *testing.T, c *catalog) {
		c.TB = t
		c.must("POST", "/v1/namespaces", `{"namespace":["staging"]}`)
		staged := as[loaded](t, c.must("POST", "/v1/namespaces/staging/tables", `{"name":"t","stage-create":true,"properties":{"format-version":"3"},`+columns+`}`))
		if staged.MetadataLocation != "" || staged.Metadata.FormatVersion != 3 || staged.Metadata.UUID == "" {
			t.Errorf("staged %+v", staged)
		}
		c.refused("the staged table", c.call("GET", "/v1/namespaces/staging/tables/t", ""), 404, "NoSuchTableException")
		commit := `{"requirements":[{"type":"assert-create"}],"updates":[{"action":"assign-uuid","uuid":"` + staged.Metadata.UUID + `"},{"action":"upgrade-format-version","format-version":3},
			{"action":"add-schema","schema":{"type":"struct","schema-id":0,"fields":[{"id":1,"name":"id","type":"string","required":true}]}},{"action":"set-current-schema","schema-id":-1},
			{"action":"add-spec","spec":{"spec-id":0,"fields":[]}},{"action":"set-default-spec","spec-id":-1},{"action":"add-sort-order","sort-order":{"order-id":0,"fields":[]}},{"action":"set-default-sort-order","sort-order-id":-1},
			{"action":"set-location","location":"` + staged.Metadata.Location + `"}]}`
		made := as[loaded](t, c.must("POST", "/v1/namespaces/staging/tables/t", commit))
		if m := made.Metadata; m.UUID != staged.Metadata.UUID || m.FormatVersion != 3 || len(m.Schemas) != 1 || made.MetadataLocation == "" {
			t.Errorf("made %+v", made)
		}
		c.refused("the same commit", c.call("POST", "/v1/namespaces/staging/tables/t", commit), 409, "CommitFailedException")
		// DuckDB sets the current schema after what refers to it.
		last := strings.Replace(commit, `{"action":"set-current-schema","schema-id":-1},`, "", 1)
		last = strings.Replace(last, "/tables/staging/t", "/tables/staging/duck", 1)
		last = strings.TrimSuffix(last, "]}") + `,{"action":"set-current-schema","schema-id":0}]}`
		if made := as[loaded](t, c.must("POST", "/v1/namespaces/staging/tables/duck", last)); made.Metadata.LastColumnID != 1 || len(made.Metadata.Schemas) != 1 {
			t.Errorf("made as DuckDB does: %+v", made)
		}
		c.refused("a table elsewhere", c.call("POST", "/v1/namespaces/staging/tables/u", strings.Replace(commit, staged.Metadata.Location, "s3://lakehouse/bronze/x", 1)), 400, "IllegalArgumentException")
		c.refused("a table in another's folder", c.call("POST", "/v1/namespaces/staging/tables/u", commit), 400, "IllegalArgumentException")
	})
}

func TestListsComeInPages(t *testing.T) {
	onEach(t, func(t *testing.T, c *catalog) {
		c.TB = t
		want := []string{"a", "b", "c", "ö", "🪙"}
		for _, name := range want {
			c.makeTable("pages", name)
			c.must("POST", "/v1/namespaces", `{"namespace":["pages_`+name+`"]}`)
		}
		type list struct {
			Identifiers []struct{ Name string }
			Namespaces  [][]string
			Next        *string `json:"next-page-token"`
		}
		for path, of := range map[string]func(list) []string{
			"/v1/namespaces/pages/tables": func(l list) (names []string) {
				for _, i := range l.Identifiers {
					names = append(names, i.Name)
				}
				return names
			},
			"/v1/namespaces": func(l list) (names []string) {
				for _, levels := range l.Namespaces {
					if name, ok := strings.CutPrefix(levels[0], "pages_"); ok {
						names = append(names, name)
					}
				}
				return names
			},
		} {
			if whole := as[list](t, c.must("GET", path, "")); whole.Next != nil || !slices.Equal(of(whole), want) {
				t.Errorf("%s without pages: %+v", path, whole)
			}
			var got []string
			token, pages := "", 0
			for {
				page := as[list](t, c.must("GET", path+"?pageSize=2&pageToken="+token, ""))
				got, pages = append(got, of(page)...), pages+1
				if page.Next == nil || pages > 20 {
					break
				}
				token = *page.Next
			}
			if !slices.Equal(got, want) || pages < 3 {
				t.Errorf("%s in %d pages: %v", path, pages, got)
			}
		}
		c.refused("a page of nothing", c.call("GET", "/v1/namespaces?pageSize=0", ""), 400, "BadRequestException")
		c.refused("a strange token", c.call("GET", "/v1/namespaces?pageToken=!", ""), 400, "BadRequestException")
	})
}

func TestKeysAreLentToWhoAsksForThem(t *testing.T) {
	onEach(t, func(t *testing.T, c *catalog) {
		c.TB = t
		const path = "/v1/namespaces/silver/tables/points"
		plain := as[loaded](t, c.must("GET", path, ""))
		if len(plain.Credentials) != 0 || plain.Config["s3.access-key-id"] != "" || plain.Config["s3.endpoint"] != "http://store" {
			t.Errorf("without asking: %+v %+v", plain.Config, plain.Credentials)
		}
		for token, role := range map[string]string{owner: "owner", analyst: "analyst"} {
			c.token = token
			asked := as[loaded](t, c.must("GET", path, "", "X-Iceberg-Access-Delegation", "remote-signing, vended-credentials"))
			if len(asked.Credentials) != 1 || asked.Credentials[0].Prefix != "s3://lakehouse/silver/points/" || asked.Credentials[0].Config["s3.access-key-id"] != role ||
				asked.Config["s3.session-token"] != "session" || asked.Config["s3.session-token-expires-at-ms"] != "1" {
				t.Errorf("%s: %+v %+v", role, asked.Config, asked.Credentials)
			}
			if again := asked.Credentials[0].Config["client.refresh-credentials-endpoint"]; !strings.Contains(c.must("GET", "/"+again, "").body, `"s3.access-key-id":"`+role+`"`) {
				t.Errorf("%s: no new keys at %s", role, again)
			}
		}
	})
}

// A purge removes what only the table needs. A folder that two tables lie in stays as it is.
func TestAPurgeTakesNothingOfAnotherTable(t *testing.T) {
	onEach(t, func(t *testing.T, c *catalog) {
		c.TB = t
		other := c.byJDBC()
		space := "purged_" + t.Name()[strings.LastIndex(t.Name(), "/")+1:]
		c.must("POST", "/v1/namespaces", `{"namespace":["`+space+`"]}`)
		for _, name := range []string{"outer", "inner"} {
			location := "s3://lakehouse/tables/" + space + "/outer"
			if name == "inner" {
				location += "/inner"
			}
			// An engine with a SQL catalog lays a table wherever it wants.
			if _, err := other.CreateTable(t.Context(), table.Identifier{space, name}, iceberg.NewSchema(0, iceberg.NestedField{ID: 1, Name: "id", Type: iceberg.PrimitiveTypes.String}), icecatalog.WithLocation(location)); err != nil {
				t.Fatal(err)
			}
		}
		c.must("DELETE", "/v1/namespaces/"+space+"/tables/outer?purgeRequested=true", "")
		if left := c.keys("tables/" + space + "/"); len(left) != 2 {
			t.Errorf("after the purge of a table in whose folder another lies: %v", left)
		}
		if got := c.load(space, "inner"); got.Metadata.Location == "" {
			t.Errorf("the other table is %+v", got)
		}
		c.must("DELETE", "/v1/namespaces/"+space+"/tables/inner?purgeRequested=true", "")
		if left := c.keys("tables/" + space + "/outer/inner/"); len(left) != 0 {
			t.Errorf("after the purge of a table with a folder of its own: %v", left)
		}

		kept := c.makeTable(space, "kept")
		c.must("POST", "/v1/namespaces/"+space+"/tables/kept", set("gc.enabled", "false", ""))
		c.must("DELETE", "/v1/namespaces/"+space+"/tables/kept?purgeRequested=true", "")
		if left := c.keys("tables/" + space + "/kept/"); len(left) != 2 {
			t.Errorf("after the purge of a table whose files are to stay: %v (it was %s)", left, kept.MetadataLocation)
		}
	})
}
