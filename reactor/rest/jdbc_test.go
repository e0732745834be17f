package rest_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/apache/iceberg-go"
	icecatalog "github.com/apache/iceberg-go/catalog"
	sqlcatalog "github.com/apache/iceberg-go/catalog/sql"
	icebergio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
	s3 "github.com/minio/minio-go/v7"

	"millrace/reactor/lake"
)

// byJDBC opens the catalog as an engine does that goes to the database itself.
func (c *catalog) byJDBC() *sqlcatalog.Catalog {
	c.Helper()
	driver, source, dialect := "pgx", c.address, sqlcatalog.Postgres
	if path, ok := strings.CutPrefix(c.address, "sqlite://"); ok {
		driver, source, dialect = "sqlite3", "file:"+(&url.URL{Path: path}).EscapedPath()+"?_busy_timeout=10000", sqlcatalog.SQLite
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() { _ = db.Close() })
	icebergio.Unregister("s3")
	icebergio.Register("s3", func(ctx context.Context, _ *url.URL, _ map[string]string) (icebergio.IO, error) {
		return objects{ctx, c.stack.Client()}, nil
	})
	other, err := sqlcatalog.NewCatalog(lake.CatalogName, db, dialect, iceberg.Properties{})
	if err != nil {
		c.Fatal(err)
	}
	return other
}

// objects is how iceberg-go reaches object storage in these tests: whole objects, which is all that metadata needs.
type objects struct {
	ctx    context.Context
	client *s3.Client
}

func (o objects) key(name string) string { return strings.TrimPrefix(name, "s3://lakehouse/") }

// ReadFile is what a catalog reads metadata by.
func (o objects) ReadFile(name string) ([]byte, error) {
	object, err := o.client.GetObject(o.ctx, "lakehouse", o.key(name), s3.GetObjectOptions{})
	if err != nil {
		return nil, err
	}
	return io.ReadAll(object)
}

func (o objects) Open(name string) (icebergio.File, error) {
	return nil, fmt.Errorf("open %s: only metadata is read here, and that whole", name)
}

func (o objects) Remove(name string) error {
	return o.client.RemoveObject(o.ctx, "lakehouse", o.key(name), s3.RemoveObjectOptions{})
}

func (o objects) WriteFile(name string, b []byte) error {
	_, err := o.client.PutObject(o.ctx, "lakehouse", o.key(name), bytes.NewReader(b), int64(len(b)), s3.PutObjectOptions{})
	return err
}

// Create collects a file and puts it when it is closed.
func (o objects) Create(name string) (icebergio.FileWriter, error) {
	return &putting{to: o, name: name}, nil
}

type putting struct {
	bytes.Buffer
	to   objects
	name string
}

func (p *putting) Close() error { return p.to.WriteFile(p.name, p.Bytes()) }

// An engine with an SQL catalog and one with the REST catalog see the same tables, views and namespaces, and each what the other did.
func TestEnginesOfBothKindsOfCatalogSeeTheSame(t *testing.T) {
	onEach(t, func(t *testing.T, c *catalog) {
		c.TB = t
		other := c.byJDBC()
		c.must("POST", "/v1/namespaces", `{"namespace":["both"]}`)
		c.must("POST", "/v1/namespaces", `{"namespace":["both","deep"],"properties":{"k":"v"}}`)
		const deep = "/v1/namespaces/both%1Fdeep"
		made := as[loaded](t, c.must("POST", deep+"/tables", `{"name":"byrest",`+columns+`}`))
		c.must("POST", deep+"/views", viewBody("v", "select 1"))

		names, err := other.ListNamespaces(t.Context(), table.Identifier{"both"})
		if err != nil || !strings.Contains(fmt.Sprint(names), "[both deep]") {
			t.Errorf("its namespaces are %v, %v", names, err)
		}
		if p, err := other.LoadNamespaceProperties(t.Context(), table.Identifier{"both", "deep"}); err != nil || p["k"] != "v" {
			t.Errorf("its properties are %v, %v", p, err)
		}
		seen, err := other.LoadTable(t.Context(), table.Identifier{"both", "deep", "byrest"})
		if err != nil || seen.MetadataLocation() != made.MetadataLocation {
			t.Fatalf("it loads %v, %v", seen, err)
		}
		if v, err := other.LoadView(t.Context(), table.Identifier{"both", "deep", "v"}); err != nil || v.CurrentVersion().Representations[0].Sql != "select 1" {
			t.Errorf("its view is %v, %v", v, err)
		}

		// It commits, and the server knows at once; then the other way round.
		tx := seen.NewTransaction()
		if err := tx.SetProperties(iceberg.Properties{"jdbc": "1"}); err != nil {
			t.Fatal(err)
		}
		if seen, err = tx.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := as[loaded](t, c.must("GET", deep+"/tables/byrest", "")); got.Metadata.Properties["jdbc"] != "1" {
			t.Errorf("the server has %v", got.Metadata.Properties)
		}
		c.must("POST", deep+"/tables/byrest", set("rest", "1", ""))
		tx = seen.NewTransaction()
		if err := tx.SetProperties(iceberg.Properties{"late": "1"}); err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Commit(t.Context()); err != nil {
			t.Error(err)
		}
		if p := as[loaded](t, c.must("GET", deep+"/tables/byrest", "")).Metadata.Properties; p["jdbc"] != "1" || p["rest"] != "1" || p["late"] != "1" {
			t.Errorf("commits of both kinds left %v", p)
		}

		// A table that it makes wherever it wants is loaded and changed by the server, but keys are not lent for it.
		elsewhere := "s3://lakehouse/elsewhere/" + strings.ReplaceAll(t.Name(), "/", "-")
		if _, err := other.CreateTable(t.Context(), table.Identifier{"both", "deep", "byjdbc"}, iceberg.NewSchema(0, iceberg.NestedField{ID: 1, Name: "id", Type: iceberg.PrimitiveTypes.String}), icecatalog.WithLocation(elsewhere)); err != nil {
			t.Fatal(err)
		}
		got := as[loaded](t, c.must("GET", deep+"/tables/byjdbc", "", "X-Iceberg-Access-Delegation", "vended-credentials"))
		if got.Metadata.Location != elsewhere || len(got.Credentials) != 0 {
			t.Errorf("the server has %+v", got)
		}
		c.must("POST", deep+"/tables/byjdbc", set("rest", "1", ""))
		var list struct{ Identifiers []struct{ Name string } }
		if err := json.Unmarshal([]byte(c.must("GET", deep+"/tables", "").body), &list); err != nil || len(list.Identifiers) != 2 || list.Identifiers[0].Name != "byjdbc" {
			t.Errorf("the server lists %+v, %v", list, err)
		}

		// Dropped here, gone there.
		c.must("DELETE", deep+"/tables/byrest", "")
		var left []string
		for id, err := range other.ListTables(t.Context(), table.Identifier{"both", "deep"}) {
			if err != nil {
				t.Fatal(err)
			}
			left = append(left, id[len(id)-1])
		}
		if !slices.Equal(left, []string{"byjdbc"}) {
			t.Errorf("it lists %v", left)
		}
	})
}
