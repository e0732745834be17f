package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/apache/iceberg-go"

	"millrace/infra/settings"
	"millrace/reactor/access"
	"millrace/reactor/lake"
	"millrace/reactor/rest"
	"millrace/tests/harness"
)

// databases are those that the catalog is tried on: each makes an empty one and gives its address. With the tag postgres PostgreSQL is
// among them.
var databases = map[string]func(testing.TB) string{
	"SQLite": func(t testing.TB) string { return "sqlite://" + t.TempDir() + "/catalog.db" },
}

const (
	owner   = "owner-0123456789abcdef"
	analyst = "analyst-0123456789abcdef"
)

// catalog is a lake in a real object store with a table of silver and one of gold, and a server of it.
type catalog struct {
	testing.TB
	stack   *harness.Stack
	lake    *lake.Lake
	address string // of the database
	url     string
	token   string
}

// onEach runs a test on a new catalog in each kind of database. All share one object store.
func onEach(t *testing.T, test func(t *testing.T, c *catalog)) {
	stack := harness.Start(t, harness.WithoutReactor())
	for name, database := range databases {
		t.Run(name, func(t *testing.T) { test(t, newCatalog(t, stack, database(t))) })
	}
}

func newCatalog(t testing.TB, stack *harness.Stack, address string) *catalog {
	t.Helper()
	c := &catalog{TB: t, stack: stack, address: address, token: owner}
	c.lake = c.open()
	spec := iceberg.NewPartitionSpec(iceberg.PartitionField{SourceIDs: []int{2}, FieldID: 1000, Name: "at_month", Transform: iceberg.MonthTransform{}})
	if err := c.lake.Create(t.Context(), lake.Definition{Name: "silver.points", Schema: schema, Spec: spec}, lake.Definition{Name: "gold.days", Schema: schema, Spec: spec}); err != nil {
		t.Fatal(err)
	}
	c.url = c.serve(c.lake)
	return c
}

var schema = iceberg.NewSchema(0,
	iceberg.NestedField{ID: 1, Name: "id", Type: iceberg.PrimitiveTypes.String, Required: true},
	iceberg.NestedField{ID: 2, Name: "at", Type: iceberg.PrimitiveTypes.TimestampTz, Required: true},
)

// open opens the lake once more, as another program does.
func (c *catalog) open() *lake.Lake {
	c.Helper()
	l, err := lake.Open(c.Context(), c.stack.Client(), c.stack.Bucket(), c.address)
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() {
		if err := l.Close(); err != nil {
			c.Error(err)
		}
	})
	return l
}

// serve starts a server of a lake and returns its address.
func (c *catalog) serve(l *lake.Lake) string {
	c.Helper()
	tokens, err := access.NewTokens(settings.Tokens{Owner: owner, Analyst: analyst})
	if err != nil {
		c.Fatal(err)
	}
	server := httptest.NewServer(rest.New(rest.Config{
		Lake: l, Bucket: c.stack.Bucket(), Tokens: tokens, Log: slog.New(slog.NewTextHandler(c.Output(), nil)),
		Keys: func(_ context.Context, role access.Role, location string) (access.Keys, error) {
			_, err := access.NewPlace(c.stack.Bucket(), location)
			return access.Keys{AccessKey: string(role), SecretKey: "secret", SessionToken: "session", Expires: time.UnixMilli(1)}, err
		},
		Client: map[string]string{"s3.endpoint": "http://store"},
	}).Route("/iceberg").Handler)
	c.Cleanup(server.Close)
	return server.URL + "/iceberg"
}

// answer is what a server answered.
type answer struct {
	status int
	header http.Header
	body   string
}

// call makes a call with a body of JSON, or none.
func (c *catalog) call(method, path, body string, headers ...string) answer {
	c.Helper()
	a, err := c.try(method, c.url+path, body, headers...)
	if err != nil {
		c.Fatal(err)
	}
	return a
}

func (c *catalog) try(method, url, body string, headers ...string) (answer, error) {
	r, err := http.NewRequestWithContext(c.Context(), method, url, bytes.NewBufferString(body))
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(text)}, err
}

// must makes a call that has to succeed.
func (c *catalog) must(method, path, body string, headers ...string) answer {
	c.Helper()
	a := c.call(method, path, body, headers...)
	if a.status != http.StatusOK && a.status != http.StatusNoContent {
		c.Fatalf("%s %s: %d %s", method, path, a.status, a.body)
	}
	return a
}

// refused fails the test unless the answer has the status and the type of error.
func (c *catalog) refused(what string, a answer, status int, kind string) {
	c.Helper()
	var e struct {
		Error struct {
			Message, Type string
			Code          int
		}
	}
	if err := json.Unmarshal([]byte(a.body), &e); err != nil || a.status != status || e.Error.Code != status || e.Error.Type != kind || e.Error.Message == "" {
		c.Errorf("%s: answered %d %s, want %d %s (%v)", what, a.status, a.body, status, kind, err)
	}
}

// as reads the JSON of an answer.
func as[T any](t testing.TB, a answer) (value T) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), &value); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return value
}

// loaded is what the tests look at of a table.
type loaded struct {
	MetadataLocation string `json:"metadata-location"`
	Metadata         struct {
		UUID            string `json:"table-uuid"`
		Location        string
		FormatVersion   int   `json:"format-version"`
		CurrentSchemaID int   `json:"current-schema-id"`
		LastColumnID    int   `json:"last-column-id"`
		CurrentSnapshot int64 `json:"current-snapshot-id"`
		Schemas         []struct {
			Fields []struct {
				ID   int
				Name string
			}
		}
		Properties map[string]string
		Snapshots  []struct {
			ID int64 `json:"snapshot-id"`
		}
		Refs map[string]struct {
			ID int64 `json:"snapshot-id"`
		}
		MetadataLog []json.RawMessage `json:"metadata-log"`
	}
	Config      map[string]string
	Credentials []struct {
		Prefix string
		Config map[string]string
	} `json:"storage-credentials"`
}

const columns = `"schema":{"type":"struct","fields":[{"id":7,"name":"id","type":"string","required":true},{"id":9,"name":"n","type":"long","required":false}]}`

// makeTable makes a table, in a namespace that is made if need be.
func (c *catalog) makeTable(namespace, name string) loaded {
	c.Helper()
	if a := c.call("HEAD", "/v1/namespaces/"+namespace, ""); a.status == http.StatusNotFound {
		c.must("POST", "/v1/namespaces", `{"namespace":["`+namespace+`"]}`)
	}
	return as[loaded](c, c.must("POST", "/v1/namespaces/"+namespace+"/tables", `{"name":"`+name+`",`+columns+`}`))
}

func (c *catalog) load(namespace, name string) loaded {
	c.Helper()
	return as[loaded](c, c.must("GET", "/v1/namespaces/"+namespace+"/tables/"+name, ""))
}

// set is the body of a commit that sets a property, if the table is what requirements say.
func set(key, value, requirements string) string {
	return `{"requirements":[` + requirements + `],"updates":[{"action":"set-properties","updates":{"` + key + `":"` + value + `"}}]}`
}
