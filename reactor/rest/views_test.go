package rest_test

import (
	"fmt"
	"strings"
	"testing"
)

// viewed is what the tests look at of a view.
type viewed struct {
	MetadataLocation string `json:"metadata-location"`
	Metadata         struct {
		UUID     string `json:"view-uuid"`
		Location string
		Current  int `json:"current-version-id"`
		Versions []struct {
			Representations []struct{ SQL, Dialect string }
		}
		Properties map[string]string
	}
}

func viewBody(name, sql string) string {
	return fmt.Sprintf(`{"name":%q,%s,"view-version":{"version-id":1,"schema-id":0,"timestamp-ms":1764000000000,"summary":{},"default-namespace":["views"],
		"representations":[{"type":"sql","sql":%q,"dialect":"spark"}]},"properties":{"k":"v"}}`, name, columns, sql)
}

func TestAViewLivesBesideTables(t *testing.T) {
	onEach(t, func(t *testing.T, c *catalog) {
		c.TB = t
		table := c.makeTable("views", "t")
		const all, path = "/v1/namespaces/views/views", "/v1/namespaces/views/views/v"
		made := as[viewed](t, c.must("POST", all, viewBody("v", "select 1")))
		if made.Metadata.Location != "s3://lakehouse/tables/views/v" || made.Metadata.Properties["k"] != "v" || made.Metadata.Versions[0].Representations[0].SQL != "select 1" {
			t.Errorf("made %+v", made)
		}
		c.refused("the same view", c.call("POST", all, viewBody("v", "select 1")), 409, "AlreadyExistsException")
		c.refused("a view with a table's name", c.call("POST", all, viewBody("t", "select 1")), 409, "AlreadyExistsException")
		c.refused("a table with a view's name", c.call("POST", "/v1/namespaces/views/tables", `{"name":"v",`+columns+`}`), 409, "AlreadyExistsException")
		c.refused("a view as a table", c.call("GET", "/v1/namespaces/views/tables/v", ""), 404, "NoSuchTableException")
		c.refused("a table as a view", c.call("GET", "/v1/namespaces/views/views/t", ""), 404, "NoSuchViewException")
		c.refused("a table's drop as a view", c.call("DELETE", "/v1/namespaces/views/views/t", ""), 404, "NoSuchViewException")
		if a := c.call("HEAD", path, ""); a.status != 204 {
			t.Errorf("the view is there: %d", a.status)
		}
		if a := c.must("GET", all, ""); !strings.Contains(a.body, `"name":"v"`) || strings.Contains(a.body, `"name":"t"`) {
			t.Errorf("the views are %s", a.body)
		}
		if a := c.must("GET", "/v1/namespaces/views/tables", ""); strings.Contains(a.body, `"name":"v"`) {
			t.Errorf("the tables are %s", a.body)
		}

		replace := `{"requirements":[{"type":"assert-view-uuid","uuid":"` + made.Metadata.UUID + `"}],"updates":[{"action":"add-view-version","view-version":{"version-id":2,"schema-id":0,"timestamp-ms":1764000000001,
			"summary":{},"default-namespace":["views"],"representations":[{"type":"sql","sql":"select 2","dialect":"spark"}]}},{"action":"set-current-view-version","view-version-id":-1}]}`
		replaced := as[viewed](t, c.must("POST", path, replace))
		if replaced.Metadata.Current != 2 || len(replaced.Metadata.Versions) != 2 || replaced.MetadataLocation == made.MetadataLocation {
			t.Errorf("replaced %+v", replaced)
		}
		if now := as[viewed](t, c.must("GET", path, "")); now.MetadataLocation != replaced.MetadataLocation {
			t.Errorf("the catalog names %s", now.MetadataLocation)
		}
		c.refused("another view's uuid", c.call("POST", path, strings.Replace(replace, made.Metadata.UUID, table.Metadata.UUID, 1)), 409, "CommitFailedException")
		c.refused("a place in bronze", c.call("POST", path, `{"updates":[{"action":"set-location","location":"s3://lakehouse/bronze/x"}]}`), 400, "IllegalArgumentException")
		c.refused("what nobody knows", c.call("POST", path, `{"updates":[{"action":"paint"}]}`), 400, "BadRequestException")

		rename := func(from, to string) answer {
			return c.call("POST", "/v1/views/rename", fmt.Sprintf(`{"source":{"namespace":["views"],"name":%q},"destination":{"namespace":["views"],"name":%q}}`, from, to))
		}
		c.refused("a view renamed to a table", rename("v", "t"), 409, "AlreadyExistsException")
		c.refused("a view that is not there", rename("x", "y"), 404, "NoSuchViewException")
		if a := rename("v", "w"); a.status != 204 {
			t.Errorf("rename: %d %s", a.status, a.body)
		}
		c.must("DELETE", "/v1/namespaces/views/views/w", "")
		c.must("POST", "/v1/namespaces/views/register-view", fmt.Sprintf(`{"name":"again","metadata-location":%q}`, replaced.MetadataLocation))
		if again := as[viewed](t, c.must("GET", all+"/again", "")); again.Metadata.UUID != made.Metadata.UUID {
			t.Errorf("registered %+v", again)
		}
		c.refused("a table's metadata as a view's", c.call("POST", "/v1/namespaces/views/register-view", fmt.Sprintf(`{"name":"no","metadata-location":%q}`, table.MetadataLocation)), 400, "IllegalArgumentException")
		c.refused("a namespace with a view", c.call("DELETE", "/v1/namespaces/views", ""), 409, "NamespaceNotEmptyException")
	})
}
