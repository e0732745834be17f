package recipe

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"millrace/infra/strict"
	"millrace/ingestor/bronze"
)

const whole = `name: shop/orders
table: shop_orders
rows: {at: data.items}
fetch:
  url: https://api.example.com/v1/{item}/orders
  query: {from: '{from_ms}', to: '{last_ms}', apikey: '${SHOP_KEY}', since: '{before_s}', until: '{to_iso}'}
  headers: {X-Team: blue, Authorization: 'Bearer ${SHOP_TOKEN?}'}
  items: [de/north, fr]
  file: '{item}_{day}'
  metadata: {region: '{item}', day: '{year}{month}{day_of_month}'}
  paging: {by: page, query: page, size: 100, size_query: per_page}
  calls_a_minute: 30
  timeout: 20s
`

func TestARecipeMakesRequestsWithoutSecrets(t *testing.T) {
	r, err := Parse([]byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	day, _ := bronze.ParseDay("2026-11-23")
	v := Values{Day: day, Item: "de/north"}
	address, err := r.Address(v)
	if err != nil {
		t.Fatal(err)
	}
	const want = "https://api.example.com/v1/de%2Fnorth/orders?from=1795392000000&since=1795391999&to=1795478399999&until=2026-11-24T00%3A00%3A00Z"
	if address.String() != want {
		t.Errorf("address is %s, want %s", address, want)
	}
	if r.OfMoment() || r.Rate != 30 || r.Timeout != 20*time.Second || r.Name() != "shop/orders" {
		t.Errorf("the recipe is %+v", r)
	}
	if place := r.Place(v, bronze.JSON); place.Stem != "de-north_2026-11-23" || place.Dataset != "orders" {
		t.Errorf("place is %+v", place)
	}
	if about := r.About(v); about["region"] != "de/north" || about["day"] != "20261123" {
		t.Errorf("metadata is %v", about)
	}
	if s := fmt.Sprint(r.Secrets()); s != "[{SHOP_TOKEN true} {SHOP_KEY false}]" {
		t.Errorf("secrets are %s", s)
	}
	env := map[string]string{"SHOP_KEY": "k"}
	lookup := func(name string) string { return env[name] }
	if text, ok := r.Headers[1].Value.Reveal(v, lookup); ok {
		t.Errorf("a header whose secret is not set is %q", text)
	}
	env["SHOP_TOKEN"] = "t"
	if text, ok := r.Headers[1].Value.Reveal(v, lookup); !ok || text != "Bearer t" {
		t.Errorf("the header is %q, %v", text, ok)
	}
}

func TestPlaceholdersAreInstantsOfTheDay(t *testing.T) {
	day, _ := bronze.ParseDay("2024-02-28")
	for name, want := range map[string]string{
		"day": "2024-02-28", "next_day": "2024-02-29", "previous_day": "2024-02-27", "year": "2024", "month": "02", "day_of_month": "28",
		"from_s": "1709078400", "to_s": "1709164800", "last_s": "1709164799", "before_s": "1709078399",
		"from_ms": "1709078400000", "last_ms": "1709164799999", "from_us": "1709078400000000", "last_ns": "1709164799999999999",
		"from_iso": "2024-02-28T00:00:00Z", "to_iso": "2024-02-29T00:00:00Z", "last_iso": "2024-02-28T23:59:59Z", "item": "x",
	} {
		t1, err := parse("{" + name + "}")
		if got := t1.Fill(Values{Day: day, Item: "x"}); err != nil || got != want {
			t.Errorf("{%s} is %s, %v; want %s", name, got, err, want)
		}
		if dated := t1.dated(); dated != (name != "item") {
			t.Errorf("{%s} tells the day: %v", name, dated)
		}
	}
}

func TestMistakesHaveTheirPlaceAndAdvice(t *testing.T) {
	tests := map[string]string{
		"name: a/b\n":                       "1:1: the file has no block fetch, which says how the source is asked: docs/extend.md shows one",
		"fetch: {url: 'https://x.example'}": "1:1: the file names no dataset: write `name: <source>/<dataset>`",
		"name: a/b\nfetch: {}":              `2:8: fetch lacks the key "url"`,
		"name: a/b\nfetch: {url: 'https://x.example', pages: 1}":                                     `2:35: fetch has no key "pages"; known are url, method`,
		"name: a/b\nfetch: {url: 'https://x.example/{date}'}":                                        "2:14: {date} stands for nothing: known are {item}, {day}",
		"name: a/b\nfetch: {url: 'ftp://x.example'}":                                                 "2:14: the address must look like https://",
		"name: a/b\nfetch: {url: 'https://u:p@x.example'}":                                           "2:14: the address must hold no user",
		"name: a/b\nfetch: {url: 'https://x.example/${KEY}'}":                                        "2:14: a secret would be seen here: ${NAME} belongs into headers or query",
		"name: a/b\nfetch: {url: 'https://x.example', headers: {X-API-Key: abc}}":                    "2:56: X-API-Key looks like a secret, which belongs into no file: write \"${API_KEY}\"",
		"name: a/b\nfetch: {url: 'https://x.example', headers: {Authorization: Bearer abc}}":         "2:60: Authorization looks like a secret, which belongs into no file: write \"Bearer ${API_TOKEN}\"",
		"name: a/b\nfetch: {url: 'https://x.example', query: {apikey: abc}}":                         "2:51: apikey looks like a secret",
		"name: a/b\nfetch: {url: 'https://x.example', headers: {X: '${MILLRACE_S3_SECRET_KEY}'}}":    "2:48: ${MILLRACE_S3_SECRET_KEY} is a secret of the lake, and no source's",
		"name: a/b\nfetch: {url: 'https://x.example', items: [a]}":                                   "2:42: there are items, and no {item}",
		"name: a/b\nfetch: {url: 'https://x.example/{item}'}":                                        "2:14: the request has an {item}, and there is no list of items",
		"name: a/b\nfetch: {url: 'https://x.example', body: x}":                                      "2:41: a GET has no body: write method: POST",
		"name: a/b\nfetch: {url: 'https://x.example', method: PUT}":                                  `2:43: method is "PUT": known are GET, POST`,
		"name: a/b\nfetch: {url: 'https://x.example', calls_a_minute: 0}":                            `2:51: "0" is where a whole number from 1 to 60000 belongs`,
		"name: a/b\nfetch: {url: 'https://x.example', timeout: soon}":                                `2:44: "soon" is where a time such as 30s or 5m belongs`,
		"name: a/b\nfetch: {url: 'https://x.example', metadata: {Big: x}}":                           `2:45: the metadata name "Big" is not made of a-z, 0-9 and -`,
		"name: a/b\nfetch: {url: 'https://x.example', paging: {by: page}}":                           `2:43: paging lacks the key "query"`,
		"name: a/b\nfetch: {url: 'https://x.example', paging: {by: cursor, query: c}}":               `2:43: paging lacks the key "path"`,
		"name: a/b\nfetch: {url: 'https://x.example', paging: {by: link, query: c}}":                 "2:61: a link is a whole address",
		"name: a/b\nfetch: {url: 'https://x.example', format: ndjson, paging: {by: page, query: p}}": "2:59: pages are told by their rows",
		"name: a/b\nfetch: {url: 'https://x.example', paging: {by: page, query: p, size_query: s}}":  "2:76: size_query asks for pages of a size: write size as well",
		"name: a/b\nfetch: {url: 'https://x.example', paging: {by: cursor, query: c, path: 'a..b'}}": `the path "a..b": a name is empty`,
		"name: a/b\nrows: {at: 'a['}\nfetch: {url: 'https://x.example'}":                             `2:12: the path "a[": "" is no position`,
		"name: a/b\nfetch: {url: 'https://x.example', url: 'https://x.example'}":                     `the key "url" is there twice`,
		"name: a/b\nfetch: {url: &x 'https://x.example'}":                                            "anchors and aliases are not taken here",
	}
	for text, want := range tests {
		_, err := Parse([]byte(text))
		var problems strict.Problems
		if !errors.As(err, &problems) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngives %v, want %s", text, err, want)
		}
	}
}

func TestRowsAreCountedWhereTheyAre(t *testing.T) {
	tests := []struct {
		at   string
		lone bool
		body string
		want int
		err  error
	}{
		{"", false, `[{},{},{}]`, 3, nil},
		{"", false, ` [] `, 0, nil},
		{"", true, `{"a":1}`, 1, nil},
		{"", false, `{"error":"no"}`, 0, ErrNoRows},
		{"", false, `3`, 0, ErrNoRows},
		{"data", false, "\xef\xbb\xbf" + `{"x":[1],"data":[1,2]}`, 2, nil},
		{"data", false, `{"data":{}}`, 0, ErrNoRows},
		{"data.items", false, `{"data":{"items":[[1],[2]]},"data":{"items":[3]}}`, 3, nil},
		{"*", false, `{"a":[1],"b":[1,2],"c":4}`, 3, nil},
		{"result.*", false, `{"error":[],"result":{"X":[1,2],"last":5}}`, 2, nil},
		{"result.*", false, `{"error":["EQuery:Unknown asset pair"]}`, 0, ErrNoRows},
		{`["a.b"][1]`, false, `{"a.b":[[1],[1,2,3]]}`, 3, nil},
		{"", false, `[{},`, 0, ErrCut},
		{"", false, ``, 0, ErrCut},
		{"", false, `<html>`, 0, ErrNotJSON},
		{"", false, `[1] [2]`, 0, ErrNotJSON},
		{"data", false, `{"data":[1,2]`, 0, ErrCut},
	}
	for _, tt := range tests {
		path, err := ParsePath(tt.at)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Rows{At: path, Lone: tt.lone}.Count([]byte(tt.body))
		if got != tt.want || !errors.Is(err, tt.err) || err != nil && tt.err == nil {
			t.Errorf("%q of %s: %d, %v; want %d, %v", tt.at, tt.body, got, err, tt.want, tt.err)
		}
	}
}

func TestACursorIsFound(t *testing.T) {
	for path, want := range map[string]string{"meta.next": "abc", "n": "12", "list[1].c": "d", "none": "", "meta": "", "nil": ""} {
		p, err := ParsePath(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Find([]byte(`{"meta":{"next":"abc"},"n":12,"list":[1,{"c":"d"}],"nil":null}`)); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
}

// Whatever the file says: it is refused with a place, or its requests can be made.
func FuzzParse(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte("name: a/b\nfetch: {url: 'https://x.example/{item}', items: [1, '%', é], paging: {by: link, path: next}}"))
	day, _ := bronze.ParseDay("2026-11-23")
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Parse(text)
		var problems strict.Problems
		if err != nil {
			if !errors.As(err, &problems) || len(problems) == 0 || problems[0].Line < 1 {
				t.Errorf("%T: %v", err, err)
			}
			return
		}
		for _, item := range append(r.Items, "") {
			v := Values{Day: day, Item: item}
			if _, err := r.Address(v); err != nil {
				t.Errorf("no address of %q: %v", item, err)
			}
			key := r.Place(v, r.Format).Key(day, text)
			if err := key.Validate(); err != nil {
				t.Error(err)
			}
		}
		_, _ = r.Rows.Count(text)
	})
}
