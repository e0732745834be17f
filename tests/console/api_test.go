//go:build console

package console

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
)

// description is what /api/v1/openapi.json says of the addresses: the schema of each one's answer.
type description struct {
	paths   map[string]*jsonschema.Resolved
	failure *jsonschema.Resolved
}

// fetch reads an address of the console.
func (c console) fetch(t *testing.T, path string) (int, []byte) {
	t.Helper()
	res, err := http.Get(c.address + path)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode, body
}

// described reads the description from the running console.
func (c console) described(t *testing.T) description {
	t.Helper()
	type content struct {
		Content map[string]struct {
			Schema struct {
				Ref string `json:"$ref"`
			}
		}
	}
	var document struct {
		OpenAPI string
		Servers []struct{ URL string }
		Paths   map[string]struct {
			Get struct{ Responses map[string]content }
		}
		Components struct{ Schemas map[string]*jsonschema.Schema }
	}
	_, body := c.fetch(t, "/api/v1/openapi.json")
	if err := json.Unmarshal(body, &document); err != nil || document.OpenAPI != "3.1.0" || document.Servers[0].URL != "/api/v1" {
		t.Fatalf("the description: %v\n%.500s", err, body)
	}
	resolve := func(of content) *jsonschema.Resolved {
		name := strings.TrimPrefix(of.Content["application/json"].Schema.Ref, "#/components/schemas/")
		schema := document.Components.Schemas[name]
		if schema == nil {
			t.Fatalf("there is no schema %q", name)
		}
		resolved, err := schema.CloneSchemas().Resolve(nil)
		if err != nil {
			t.Fatalf("the schema %s: %v", name, err)
		}
		return resolved
	}
	d := description{paths: map[string]*jsonschema.Resolved{}}
	for path, methods := range document.Paths {
		d.paths[path], d.failure = resolve(methods.Get.Responses["200"]), resolve(methods.Get.Responses["default"])
	}
	return d
}

// of finds the description of an address.
func (d description) of(t *testing.T, address string) (string, *jsonschema.Resolved) {
	t.Helper()
	path, _, _ := strings.Cut(address, "?")
	if schema := d.paths[path]; schema != nil {
		return path, schema
	}
	for pattern, schema := range d.paths {
		if regexp.MustCompile("^" + regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(pattern, "[^/]+") + "$").MatchString(path) {
			return pattern, schema
		}
	}
	t.Fatalf("nothing describes %s", address)
	return "", nil
}

// Every answer of the API is what its description says, on the pages of the other tests and on some that fail.
func TestTheAPIAnswersAsItsDescriptionSays(t *testing.T) {
	c := start(t)
	c.fill(t)
	c.Reactor(t, "replay", "--dataset", "coincap/assets", "--branch", "trial")
	run := strings.TrimSpace(c.Reactor(t, "replay", "--dataset", "coincap/assets", "--wait", "--output", "csv"))
	var letters []struct{ ID uint64 } // the replay has made the letter anew, under another number
	if err := json.Unmarshal([]byte(c.Reactor(t, "dlq", "list", "--output", "json")), &letters); err != nil || len(letters) == 0 {
		t.Fatal(err, letters)
	}
	d, seen := c.described(t), map[string]bool{}
	model, err := http.Get(c.address + "/api/v1/lineage?table=gold.rankings")
	if err != nil {
		t.Fatal(err)
	}
	var of struct{ Model struct{ SQL string } }
	if err := json.NewDecoder(model.Body).Decode(&of); err != nil || of.Model.SQL == "" {
		t.Fatal(err)
	}
	addresses := append(pages(), "/now", "/replay/branch/trial", "/replay/run/"+strings.Split(strings.Split(run, "\n")[1], ",")[0],
		"/market-series?chart=price&asset=bitcoin", "/market-series?chart=market", "/search?q=bitcoin", "/tables/gold.rankings/engines", "/sql-chart?sql=from+gold.rankings&x=day&y=rank", "/lineage/plan?table=gold.rankings&sql="+url.QueryEscape(of.Model.SQL+"\n-- another end"),
		"/lineage/plan?table=gold.rankings&sql=nonsense", "/tables/silver.asset_snapshots?at=now", "/sql?sql="+url.QueryEscape("select nope"),
		"/sql?sql="+url.QueryEscape("select 1 as i, 1.5::double as d, null as n, [1, 2] as l, map {'a': 1} as m, {'a': 'b'} as s, current_date as day, true as b, 1.10::decimal(38,28) as p, 170141183460469231731687303715884105727::hugeint as h, interval 1 day as w, 'x'::blob as o, uuid() as u, time '12:00' as c"))
	for _, address := range addresses {
		switch address {
		case "/":
			continue
		case "/letters/1":
			address = fmt.Sprint("/letters/", letters[0].ID)
		}
		pattern, schema := d.of(t, address)
		seen[pattern] = true
		status, body := c.fetch(t, "/api/v1"+address)
		var answer any
		if err := json.Unmarshal(body, &answer); err != nil || status != http.StatusOK {
			t.Errorf("%s: %d %.300s", address, status, body)
			continue
		}
		if err := schema.Validate(answer); err != nil {
			t.Errorf("%s is not what %s describes: %v\n%.1000s", address, pattern, err, body)
		}
		if object, ok := answer.(map[string]any); ok && schema.Validate(with(object, "made up", 1)) == nil {
			t.Errorf("%s: the description takes anything", pattern)
		}
	}
	for pattern := range d.paths {
		if !seen[pattern] {
			t.Errorf("no answer of %s was looked at", pattern)
		}
	}
	for _, address := range []string{"/tables/nope", "/letters/x", "/letters/4000000000", "/bronze?prefix=x", "/market/nobody", "/lineage?table=nope", "/lineage/plan?table=nope", "/lineage/audits?table=nope", "/replay/branch/nope", "/nope", "/market-series?chart=x"} {
		status, body := c.fetch(t, "/api/v1"+address)
		var answer any
		if err := json.Unmarshal(body, &answer); err != nil || status < 400 || status >= 500 {
			t.Errorf("%s: %d %s", address, status, body)
			continue
		}
		if err := d.failure.Validate(answer); err != nil {
			t.Errorf("%s: %v: %s", address, err, body)
		}
	}
}

// with is an object with one more property.
func with(object map[string]any, name string, value any) map[string]any {
	more := map[string]any{name: value}
	for k, v := range object {
		more[k] = v
	}
	return more
}

// A script that goes from a command's JSON to the API finds the same properties with the same values.
func TestTheAPISaysWhatTheCommandsPrint(t *testing.T) {
	c := start(t)
	c.fill(t)
	for _, tt := range []struct {
		command []string
		address string
		list    string   // the property of the answer that has the lines
		only    []string // what the command prints and the API has under the same name
	}{
		{[]string{"tables"}, "/tables", "tables", []string{"table", "rows", "files", "bytes", "snapshots", "committed_at"}},
		{[]string{"snapshots", "gold.rankings"}, "/tables/gold.rankings/snapshots", "snapshots", []string{"snapshot", "committed_at", "operation", "added_rows", "deleted_rows", "total_rows", "made_by"}},
		{[]string{"dlq", "list"}, "/letters", "letters", []string{"id", "first_at", "at", "consumer", "key", "attempts", "reason"}},
		{[]string{"replay", "--dataset", "coincap/assets", "--dry-run"}, "/replay?dataset=coincap%2Fassets", "groups", []string{"dataset", "ingest_date", "objects", "bytes"}},
	} {
		var printed, answered []map[string]any
		if err := json.Unmarshal([]byte(c.Reactor(t, append(tt.command, "--output", "json")...)), &printed); err != nil || len(printed) == 0 {
			t.Fatalf("%v: %v of %d lines", tt.command, err, len(printed))
		}
		var answer map[string]json.RawMessage
		_, body := c.fetch(t, "/api/v1"+tt.address)
		if err := json.Unmarshal(body, &answer); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(answer[tt.list], &answered); err != nil {
			t.Fatal(err)
		}
		if got, want := lines(answered, tt.only), lines(printed, tt.only); !slices.Equal(got, want) {
			t.Errorf("%v prints\n%s\nand %s answers\n%s", tt.command, strings.Join(want, "\n"), tt.address, strings.Join(got, "\n"))
		}
	}
}

// lines are some properties of objects, sorted: lists go the other way round on pages.
func lines(objects []map[string]any, properties []string) []string {
	var all []string
	for _, o := range objects {
		line := ""
		for _, name := range properties {
			value, ok := o[name]
			if !ok {
				value = "there is none"
			}
			line += fmt.Sprintf("%s=%v ", name, value)
		}
		all = append(all, line)
	}
	slices.Sort(all)
	return all
}
