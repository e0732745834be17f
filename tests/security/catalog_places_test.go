package security_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"millrace/tests/harness"
)

// foreignPlaces are folders that are not the tables of other engines', written in all ways.
var foreignPlaces = []string{
	"s3://lakehouse/bronze/coincap/assets", "s3://lakehouse/bronze", "s3://lakehouse", "s3://lakehouse/", "s3://lakehouse/reports", "s3://lakehouse/tables", "s3://lakehouse/tables/",
	"s3://lakehouse/silver", "s3://lakehouse/silver/asset_snapshots", "s3://lakehouse/silver/asset_snapshots/", "s3a://lakehouse/silver/asset_snapshots", "s3://lakehouse/silver/asset_snapshots/data",
	"s3://lakehouse/gold/rankings", "s3://lakehouse/gold/mine",
	"s3://lakehouse/tables/lab/t", "s3a://lakehouse/tables/lab/t/", "s3://lakehouse/tables/lab/t/data", "s3://lakehouse/tables/lab",
	"s3://lakehouse/tables/../bronze/coincap", "s3://lakehouse/tables/lab/../../silver/asset_snapshots", "s3://lakehouse/tables/./lab/t", "s3://lakehouse/tables//lab/t", "s3://lakehouse//bronze/x",
	"s3://lakehouse/tables/lab/%2e%2e/x\\..\\y", "s3://lakehouse/tables/*", "s3://lakehouse/tables/lab/?", "s3://lakehouse/tables/${aws:username}", "s3://lakehouse/tables/a\x1fb", "s3://lakehouse/tables/a\x00b", "s3://lakehouse/tables/a\nb",
	"s3://other/tables/lab/x", "s3://lakehouse.evil/tables/x", "s3://user:pass@lakehouse/tables/x", "s3://127.0.0.1:9000/lakehouse/tables/x",
	"file:///etc", "file:/tmp/x", "/tmp/x", "tables/lab/x", "http://127.0.0.1/x", "https://lakehouse/tables/x", "gs://lakehouse/tables/x", "abfs://lakehouse/tables/x", "mem://x", "S3://lakehouse/tables/x", "x",
	"s3://lakehouse/tables/" + strings.Repeat("x", 2000),
}

// quoted is a text as JSON has it.
func quoted(t *testing.T, text string) string {
	t.Helper()
	b, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// trickyPlaces asks for tables, views and metadata where other things lie. Whoever got a table there got keys to it, and a purge would
// remove what is not the table's.
func trickyPlaces(t *testing.T, s *harness.Stack) {
	owner := as(t, s, "owner")
	before := s.Contents(t, "silver.asset_snapshots")
	files := len(s.Objects(t, "bronze/")) + len(s.Objects(t, "silver/asset_snapshots/")) + len(s.Objects(t, "tables/lab/t/"))
	for i, place := range foreignPlaces {
		in, name := quoted(t, place), fmt.Sprintf("odd%d", i)
		set := fmt.Sprintf(`{"requirements":[],"updates":[{"action":"set-location","location":%s}]}`, in)
		for what, c := range map[string][2]string{
			"make a table":      {"v1/namespaces/lab/tables", newTable(name, `,"location":`+in)},
			"stage a table":     {"v1/namespaces/lab/tables", newTable(name, `,"stage-create":true,"location":`+in)},
			"commit a new one":  {"v1/namespaces/lab/tables/" + name, fmt.Sprintf(`{"requirements":[{"type":"assert-create"}],"updates":[{"action":"assign-uuid","uuid":"%s"},{"action":"upgrade-format-version","format-version":2},{"action":"add-schema","schema":%s,"last-column-id":1},{"action":"set-current-schema","schema-id":-1},{"action":"add-spec","spec":{"spec-id":0,"fields":[]}},{"action":"set-default-spec","spec-id":-1},{"action":"add-sort-order","sort-order":{"order-id":0,"fields":[]}},{"action":"set-default-sort-order","sort-order-id":-1},{"action":"set-location","location":%s}]}`, aUUID, oneColumn, in)},
			"move a table":      {"v1/namespaces/lab/tables/u", set},
			"move in many":      {"v1/transactions/commit", fmt.Sprintf(`{"table-changes":[{"identifier":{"namespace":["lab"],"name":"u"},%s]}`, set[1:])},
			"move silver":       {snapshots, set},
			"write metadata":    {"v1/namespaces/lab/tables/u", fmt.Sprintf(`{"requirements":[],"updates":[{"action":"set-properties","updates":{"write.metadata.path":%s}}]}`, in)},
			"make with it":      {"v1/namespaces/lab/tables", newTable(name, `,"properties":{"write.metadata.path":`+in+`}`)},
			"register there":    {"v1/namespaces/lab/register", fmt.Sprintf(`{"name":%q,"metadata-location":%s}`, name, quoted(t, place+"/metadata/00001-x.metadata.json"))},
			"register the file": {"v1/namespaces/lab/register", fmt.Sprintf(`{"name":%q,"metadata-location":%s}`, name, in)},
			"make a view":       {"v1/namespaces/lab/views", fmt.Sprintf(`{"name":%q,"location":%s,"schema":%s,"view-version":{"version-id":1,"timestamp-ms":1700000000000,"schema-id":0,"summary":{},"default-namespace":["lab"],"representations":[{"type":"sql","sql":"select 1","dialect":"spark"}]},"properties":{}}`, name, in, oneColumn)},
		} {
			if what == "move silver" && strings.TrimRight(place, "/") == "s3://lakehouse/silver/asset_snapshots" {
				continue // where it is
			}
			a := owner.ask(t, http.MethodPost, c[0], c[1])
			if a.refused() || strings.HasPrefix(what, "register") && a.code == http.StatusNotFound {
				continue
			}
			t.Errorf("%s at %.80q: %s", what, place, a)
			if a.code < 300 {
				closedKeys(t, owner, "v1/namespaces/lab/tables/"+name)
			}
		}
	}
	namespaces(t, owner)
	registrations(t, s, owner)
	purge(t, s, owner)
	s.SameContents(t, "after places of all kinds", before)
	if now := len(s.Objects(t, "bronze/")) + len(s.Objects(t, "silver/asset_snapshots/")) + len(s.Objects(t, "tables/lab/t/")); now != files {
		t.Errorf("there are %d files of others now, and were %d", now, files)
	}
}

// aUUID is a table's.
const aUUID = "7b6f9f6c-5c0e-4b7e-9d0c-0d5f2b1a3c4d"

// namespaces have a property that says where their tables lie.
func namespaces(t *testing.T, owner engine) {
	for i, place := range foreignPlaces {
		name := fmt.Sprintf("odd_place_%d", i)
		a := owner.ask(t, http.MethodPost, "v1/namespaces", fmt.Sprintf(`{"namespace":[%q],"properties":{"location":%s}}`, name, quoted(t, place)))
		if a.refused() {
			continue
		}
		made := owner.ask(t, http.MethodPost, "v1/namespaces/"+name+"/tables", newTable("t", ""))
		switch {
		case made.refused():
		case made.code >= 500:
			t.Errorf("a table in a namespace at %.80q: %s", place, made)
		default:
			closedKeys(t, owner, "v1/namespaces/"+name+"/tables/t")
		}
	}
}

// registrations take metadata into the catalog that somebody wrote, and whose fields say anything.
func registrations(t *testing.T, s *harness.Stack, owner engine) {
	var table struct {
		Location string         `json:"metadata-location"`
		Metadata map[string]any `json:"metadata"`
	}
	if err := json.Unmarshal([]byte(owner.must(t, http.MethodGet, "v1/namespaces/lab/tables/t", "").body), &table); err != nil {
		t.Fatal(err)
	}
	register := func(name, location string) answered {
		return owner.ask(t, http.MethodPost, "v1/namespaces/lab/register", fmt.Sprintf(`{"name":%q,"metadata-location":%s}`, name, quoted(t, location)))
	}
	var silver struct {
		Location string `json:"metadata-location"`
	}
	if err := json.Unmarshal([]byte(owner.must(t, http.MethodGet, snapshots, "").body), &silver); err != nil {
		t.Fatal(err)
	}
	if a := register("mine", silver.Location); !a.refused() {
		t.Errorf("silver's metadata is another table's, too: %s", a)
	}
	if a := register("mine", table.Location); !a.refused() {
		t.Errorf("one metadata is two tables': %s", a)
	}
	for i, place := range foreignPlaces {
		table.Metadata["location"] = place
		text, err := json.Marshal(table.Metadata)
		if err != nil {
			t.Fatal(err)
		}
		key := fmt.Sprintf("tables/lab/evil%d/metadata/00000-%s.metadata.json", i, aUUID)
		s.Put(t, key, text, nil)
		if a := register(fmt.Sprintf("evil%d", i), "s3://lakehouse/"+key); !a.refused() {
			t.Errorf("metadata that lies at %.80q by its own words: %s", place, a)
			closedKeys(t, owner, fmt.Sprintf("v1/namespaces/lab/tables/evil%d", i))
		}
	}
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	if _, err := io.Copy(z, io.LimitReader(spaces{}, 512<<20)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	s.Put(t, "tables/lab/bomb/metadata/00000-"+aUUID+".gz.metadata.json", bomb.Bytes(), nil)
	if a := register("bomb", "s3://lakehouse/tables/lab/bomb/metadata/00000-"+aUUID+".gz.metadata.json"); !a.refused() {
		t.Errorf("metadata of 512 MB in %d KB: %s", bomb.Len()>>10, a)
	}
	for what, text := range map[string][]byte{"no JSON": []byte("x"), "null": []byte("null"), "a list": []byte("[]"), "nothing": nil, "200 MB": spacesOf(200 << 20), "deep": []byte(strings.Repeat(`{"a":`, 1<<20))} {
		key := "tables/lab/broken/metadata/00000-" + aUUID + ".metadata.json"
		s.Put(t, key, text, nil)
		if a := register("broken", "s3://lakehouse/"+key); !a.refused() {
			t.Errorf("metadata that is %s: %s", what, a)
		}
	}
}

// spacesOf is a body of spaces.
func spacesOf(n int) []byte {
	b := make([]byte, n)
	_, _ = spaces{}.Read(b)
	return b
}

// purge removes what is a table's, and not what its metadata names of others.
func purge(t *testing.T, s *harness.Stack, owner engine) {
	owner.must(t, http.MethodPost, "v1/namespaces/lab/tables", newTable("purged", ""))
	var metadata struct {
		Metadata struct {
			Snapshots []struct {
				ManifestList string `json:"manifest-list"`
			}
		}
	}
	if err := json.Unmarshal([]byte(owner.must(t, http.MethodGet, snapshots, "").body), &metadata); err != nil {
		t.Fatal(err)
	}
	all := metadata.Metadata.Snapshots
	if len(all) == 0 {
		t.Fatal("silver has no snapshot")
	}
	// A snapshot of silver's files, as somebody's clone of the table has.
	owner.must(t, http.MethodPost, "v1/namespaces/lab/tables/purged", fmt.Sprintf(`{"requirements":[],"updates":[{"action":"add-snapshot","snapshot":{"snapshot-id":1,"sequence-number":1,"timestamp-ms":%d,"manifest-list":%q,"summary":{"operation":"append"},"schema-id":0}},{"action":"set-snapshot-ref","ref-name":"main","type":"branch","snapshot-id":1}]}`,
		4102444800000, all[len(all)-1].ManifestList))
	before := len(s.Objects(t, "silver/"))
	owner.must(t, http.MethodDelete, "v1/namespaces/lab/tables/purged?purgeRequested=true", "")
	if now := len(s.Objects(t, "silver/")); now != before {
		t.Errorf("a purge of another table took %d files of silver", before-now)
	}
	if left := s.Objects(t, "tables/lab/purged/"); len(left) > 0 {
		t.Errorf("a purge left %d files of the table", len(left))
	}
}

// ownedTables are those that the reactor makes and finds again by their names. They cannot be taken from it by accident.
func ownedTables(t *testing.T, s *harness.Stack) {
	owner := as(t, s, "owner")
	before := s.Contents(t, harness.Tables...)
	for what, c := range map[string][3]string{
		"drop":            {"DELETE", snapshots, ""},
		"purge":           {"DELETE", snapshots + "?purgeRequested=true", ""},
		"drop gold":       {"DELETE", "v1/namespaces/gold/tables/rankings", ""},
		"rename away":     {"POST", "v1/tables/rename", `{"source":{"namespace":["silver"],"name":"asset_snapshots"},"destination":{"namespace":["lab"],"name":"mine"}}`},
		"rename within":   {"POST", "v1/tables/rename", `{"source":{"namespace":["gold"],"name":"rankings"},"destination":{"namespace":["gold"],"name":"rankings2"}}`},
		"rename onto":     {"POST", "v1/tables/rename", `{"source":{"namespace":["lab"],"name":"u"},"destination":{"namespace":["gold"],"name":"mine"}}`},
		"drop silver":     {"DELETE", "v1/namespaces/silver", ""},
		"make in silver":  {"POST", "v1/namespaces/silver/tables", newTable("mine", "")},
		"make in gold":    {"POST", "v1/namespaces/gold/tables", newTable("mine", "")},
		"view in gold":    {"POST", "v1/namespaces/gold/views", `{"name":"v","schema":` + oneColumn + `,"view-version":{"version-id":1,"timestamp-ms":1700000000000,"schema-id":0,"summary":{},"default-namespace":["gold"],"representations":[{"type":"sql","sql":"select 1","dialect":"spark"}]},"properties":{}}`},
		"register there":  {"POST", "v1/namespaces/gold/register", `{"name":"rankings","metadata-location":"s3://lakehouse/tables/lab/u/metadata/x.metadata.json","overwrite":true}`},
		"write elsewhere": {"POST", snapshots, `{"requirements":[],"updates":[{"action":"set-properties","updates":{"write.metadata.path":"s3://lakehouse/tables/lab/m"}}]}`},
		"another uuid":    {"POST", snapshots, `{"requirements":[],"updates":[{"action":"assign-uuid","uuid":"` + aUUID + `"}]}`},
	} {
		if a := owner.ask(t, c[0], c[1], c[2]); !a.refused() {
			t.Errorf("%s: %s", what, a)
		}
	}
	s.SameContents(t, "after all that", before)
	for table := range before {
		namespace, name, _ := strings.Cut(table, ".")
		owner.must(t, http.MethodHead, "v1/namespaces/"+namespace+"/tables/"+name, "")
	}
}
