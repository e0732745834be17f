package command

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/minio/minio-go/v7"

	"millrace/ingestor/bronze"
	"millrace/tests/harness"
)

// shop is an API with a key: a page of two orders a region, and a second one with one.
type shop struct {
	mu    sync.Mutex
	calls []string
	empty bool
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, r.URL.RequestURI())
	region, query := strings.TrimPrefix(r.URL.Path, "/orders/"), r.URL.Query()
	switch {
	case r.Header.Get("X-Shop-Key") != "the-shop-key":
		http.Error(w, "no such key: "+r.Header.Get("X-Shop-Key"), http.StatusUnauthorized)
	case region == "gone":
		http.NotFound(w, r)
	case s.empty:
		_, _ = fmt.Fprint(w, `{"orders":[]}`)
	case query.Get("page") == "1":
		_, _ = fmt.Fprintf(w, `{"orders": [{"id":"%[1]s-1","at":"%[2]sT01:00:00Z"}, {"id":"%[1]s-2","at":"%[2]sT02:00:00Z"}]}`, region, query.Get("day"))
	default:
		_, _ = fmt.Fprintf(w, `{"orders": [{"id":"%s-3","at":"%sT03:00:00Z"}]}`, region, query.Get("day"))
	}
}

// nothing makes the API answer without rows, until its end.
func (s *shop) nothing() (end func()) {
	set := func(empty bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.empty = empty
	}
	set(true)
	return func() { set(false) }
}

// called returns how many requests came in.
func (s *shop) called() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.calls)
}

// sourceFile writes the file of a dataset with a block fetch.
func sourceFile(t *testing.T, block string) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "shop")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "orders.yaml")
	text := "name: shop/orders\ntable: shop_orders\nkey: [order_id, observed_at]\nrows: {at: orders}\nfields:\n" +
		"  - {column: order_id, path: id, type: text, required: true}\n  - {column: observed_at, path: at, type: time, required: true}\nfetch:\n" + block
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestFetch(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())
	api := &shop{}
	server := httptest.NewServer(api)
	defer server.Close()
	file := sourceFile(t, "  url: '"+server.URL+"/orders/{item}'\n  query: {day: '{day}'}\n  headers: {X-Shop-Key: '${SHOP_KEY}'}\n  items: [north, gone]\n  file: '{item}_{day}'\n"+
		"  metadata: {region: '{item}'}\n  paging: {by: page, query: page, size: 2}\n  calls_a_minute: 6000\n")
	c := Fetch{Source: file, Date: day(t, "2025-06-30"), landFlags: flags(t, s, "").landFlags}

	if _, err := run(t, c); err == nil || !strings.Contains(err.Error(), "sends ${SHOP_KEY}, which is not set") || api.called() != 0 {
		t.Fatalf("without the secret: %v", err)
	}
	t.Setenv("SHOP_KEY", "another-key")
	if _, err := run(t, c); err == nil || !strings.Contains(err.Error(), "no such key: ${SHOP_KEY}") || strings.Contains(err.Error(), "another-key") {
		t.Fatalf("with a wrong secret: %v", err)
	}
	if left := objects(t, s); len(left) != 0 {
		t.Fatalf("failed fetches leave %v", left)
	}

	t.Setenv("SHOP_KEY", "the-shop-key")
	results, err := run(t, c)
	if err != nil || len(results) != 3 || outcomes(results)["put"] != 2 || outcomes(results)["no data"] != 1 {
		t.Fatalf("%+v, %v", results, err)
	}
	checkFetched(t, s, results[0], server.URL)
	again, err := run(t, c)
	if err != nil || outcomes(again)["already there"] != 2 || len(objects(t, s)) != 2 {
		t.Errorf("again: %+v, %v, %d objects", again, err, len(objects(t, s)))
	}

	t.Run("a day without data is a failure", func(t *testing.T) {
		defer api.nothing()()
		c := c
		c.Items = []string{"gone", "south"}
		results, err := run(t, c)
		if err == nil || !strings.Contains(err.Error(), "shop/orders has no data for 2025-06-30: 1 answers have no row, 1 are not known") || outcomes(results)["no data"] != 2 {
			t.Errorf("%+v, %v", results, err)
		}
		if c.Date = day(t, "2025-07-01"); true {
			if _, err := run(t, c); err != nil {
				t.Errorf("the running day may have no row yet: %v", err)
			}
		}
	})
	t.Run("a source of the moment has today and yesterday", func(t *testing.T) {
		file := sourceFile(t, "  url: '"+server.URL+"/orders/now'\n  headers: {X-Shop-Key: '${SHOP_KEY}'}\n")
		for date, want := range map[string]string{"2025-07-01": "", "2025-06-30": "", "2025-06-29": "its request names no day", "2025-07-02": "in the future"} {
			_, err := run(t, Fetch{Source: file, Date: day(t, date), landFlags: c.landFlags})
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", date, err)
			}
		}
		defer api.nothing()()
		if _, err := run(t, Fetch{Source: file, Date: day(t, "2025-07-01"), landFlags: c.landFlags}); err == nil {
			t.Error("an empty list of the moment passes")
		}
	})
	t.Run("the requests can be seen beforehand", func(t *testing.T) {
		before := api.called()
		r := s.RunEnv(t, []string{"SHOP_KEY=the-shop-key"}, "ingestor", "fetch", "--source", file, "--date", "2025-06-30", "--dry-run", "--output", "csv")
		if r.Code != 0 || !strings.Contains(r.Stdout, "north,GET,"+server.URL+"/orders/north?day=2025-06-30&page=1") || strings.Contains(r.Stdout, "the-shop-key") || api.called() != before {
			t.Errorf("%s", r)
		}
	})
	t.Run("exit codes", func(t *testing.T) {
		for _, tt := range []struct {
			key, date string
			code      int
			says      string
		}{{"the-shop-key", "2025-06-30", 0, "bronze/shop/orders/ingest_date=2025-06-30/north_2025-06-30_"}, {"wrong-shop-key", "2025-06-30", 3, "it was sent ${SHOP_KEY}"}, {"the-shop-key", "2999-01-01", 2, "in the future"}} {
			r := s.RunEnv(t, []string{"SHOP_KEY=" + tt.key, "MILLRACE_INGEST_FINAL_EXIT_CODE=3"}, "ingestor", "fetch", "--source", file, "--date", tt.date)
			if r.Code != tt.code || !strings.Contains(r.Stdout+r.Stderr, tt.says) || strings.Contains(r.Stdout+r.Stderr, "shop-key") {
				t.Errorf("want %d and %q: %s", tt.code, tt.says, r)
			}
		}
	})
}

// checkFetched compares an object with what the API sent.
func checkFetched(t *testing.T, s *harness.Stack, r result, api string) {
	t.Helper()
	object, err := s.Client().GetObject(t.Context(), s.Bucket(), r.Key, minio.GetObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(object)
	if err != nil || string(body) != `{"orders": [{"id":"north-1","at":"2025-06-30T01:00:00Z"}, {"id":"north-2","at":"2025-06-30T02:00:00Z"}]}` {
		t.Errorf("the object is %s, %v", body, err)
	}
	info, err := object.Stat()
	if err != nil {
		t.Fatal(err)
	}
	meta := map[string]string{}
	for name, value := range info.UserMetadata {
		meta[strings.ToLower(name)] = value
	}
	if meta["region"] != "north" || meta[bronze.MetaRequestURL] != api+"/orders/north?day=2025-06-30&page=1" || meta[bronze.MetaStatus] != "200" || meta[bronze.MetaFetchedAt] == "" {
		t.Errorf("metadata is %v", meta)
	}
	if strings.Contains(fmt.Sprint(meta, r.Key), "the-shop-key") {
		t.Error("the secret is kept")
	}
	if r.Items != 2 || r.From != "2025-06-30" || !strings.HasPrefix(r.Key, "bronze/shop/orders/ingest_date=2025-06-30/north_2025-06-30_") {
		t.Errorf("the result is %+v", r)
	}
}
