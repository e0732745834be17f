package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"millrace/infra/settings"
	"millrace/ingestor/bronze"
	"millrace/ingestor/recipe"
	"millrace/ingestor/retry"
)

const secret = "s3cr3t/of+the-shop"

// log gathers what a client logs.
type log struct {
	mu  sync.Mutex
	out bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.String()
}

// client asks a server by a block fetch; %s in it is the server's address.
func client(t *testing.T, server *httptest.Server, block string) (*Client, *log) {
	t.Helper()
	r, err := recipe.Parse([]byte("name: shop/orders\nrows: {at: data}\nfetch:\n" + strings.ReplaceAll(block, "%s", server.URL)))
	if err != nil {
		t.Fatal(err)
	}
	logged := &log{}
	c, err := New(Config{
		Recipe: r, File: "orders.yaml", Agent: "test", Log: slog.New(slog.NewTextHandler(logged, nil)),
		Retry:  retry.Retry{First: time.Millisecond, Longest: 10 * time.Millisecond, Patience: 3 * time.Second},
		Secret: func(name string) string { return map[string]string{"SHOP_KEY": secret}[name] },
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, logged
}

func serve(t *testing.T, answer http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return s
}

// bodies asks for all pages of an item.
func bodies(c *Client, item string) (all []string, err error) {
	day, _ := bronze.ParseDay("2026-11-23")
	err = c.pages(context.Background(), recipe.Values{Day: day, Item: item}, func(got *answer) error {
		all = append(all, string(got.body))
		return nil
	})
	return all, err
}

func kindOf(err error) Kind {
	var failed *Error
	if !errors.As(err, &failed) {
		return -1
	}
	return failed.Kind
}

// rows serves n rows, numbered from 1, as a list in data.
func rows(from, to int) string {
	var all []string
	for i := from; i <= to; i++ {
		all = append(all, strconv.Itoa(i))
	}
	return strings.Join(all, ",")
}

func TestPagesAreAskedForUntilTheLast(t *testing.T) {
	const total, size = 7, 3
	tests := map[string]struct {
		paging string
		answer func(w http.ResponseWriter, r *http.Request)
	}{
		"page": {"{by: page, query: page, size: 3, size_query: n}", func(w http.ResponseWriter, r *http.Request) {
			n, _ := strconv.Atoi(r.URL.Query().Get("page"))
			_, _ = fmt.Fprintf(w, `{"data":[%s]}`, rows((n-1)*size+1, min(n*size, total)))
		}},
		"page from 0, of unknown size": {"{by: page, query: p, first: 0}", func(w http.ResponseWriter, r *http.Request) {
			n, _ := strconv.Atoi(r.URL.Query().Get("p"))
			_, _ = fmt.Fprintf(w, `{"data":[%s]}`, rows(n*size+1, min(n*size+size, total)))
		}},
		"page, with a 404 behind the last": {"{by: page, query: p, first: 0}", func(w http.ResponseWriter, r *http.Request) {
			n, _ := strconv.Atoi(r.URL.Query().Get("p"))
			if n*size >= total {
				http.NotFound(w, r)
				return
			}
			_, _ = fmt.Fprintf(w, `{"data":[%s]}`, rows(n*size+1, min(n*size+size, total)))
		}},
		"offset": {"{by: offset, query: skip}", func(w http.ResponseWriter, r *http.Request) {
			n, _ := strconv.Atoi(r.URL.Query().Get("skip"))
			_, _ = fmt.Fprintf(w, `{"data":[%s]}`, rows(n+1, min(n+size, total)))
		}},
		"cursor": {"{by: cursor, query: after, path: meta.next}", func(w http.ResponseWriter, r *http.Request) {
			n, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Query().Get("after"), "row "))
			next := fmt.Sprintf(`"row %d"`, n+size)
			if n+size >= total {
				next = "null"
			}
			_, _ = fmt.Fprintf(w, `{"data":[%s],"meta":{"next":%s}}`, rows(n+1, min(n+size, total)), next)
		}},
		"link in the header": {"{by: link}", func(w http.ResponseWriter, r *http.Request) {
			n, _ := strconv.Atoi(r.URL.Query().Get("from"))
			if n+size < total {
				w.Header().Set("Link", fmt.Sprintf(`</orders?from=%d>; rel="next", </orders?from=6>; rel="last"`, n+size))
			}
			_, _ = fmt.Fprintf(w, `{"data":[%s]}`, rows(n+1, min(n+size, total)))
		}},
		"link in the body": {"{by: link, path: next}", func(w http.ResponseWriter, r *http.Request) {
			n, _ := strconv.Atoi(r.URL.Query().Get("from"))
			next := ""
			if n+size < total {
				next = fmt.Sprintf("http://%s/orders?from=%d", r.Host, n+size)
			}
			_, _ = fmt.Fprintf(w, `{"data":[%s],"next":%q}`, rows(n+1, min(n+size, total)), next)
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Get("key") != secret {
					t.Errorf("a page is asked for without the secret: %s", r.URL)
				}
				tt.answer(w, r)
			})
			c, _ := client(t, s, "  url: '%s/orders'\n  query: {key: '${SHOP_KEY}'}\n  calls_a_minute: 6000\n  paging: "+tt.paging+"\n")
			got, err := bodies(c, "")
			if err != nil || len(got) != 3 || !strings.Contains(got[0], "[1,2,3]") || !strings.Contains(got[1], "[4,5,6]") || !strings.Contains(got[2], "[7]") {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

func TestPagesThatDoNotEndAreAFailure(t *testing.T) {
	tests := map[string]struct {
		paging, says string
		answer       func(w http.ResponseWriter, r *http.Request)
	}{
		"a parameter that is ignored": {"{by: page, query: page}", "the same bytes as the one before", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprint(w, `{"data":[1]}`)
		}},
		"a cursor that stays": {"{by: cursor, query: c, path: c}", "the cursor is the same", func(w http.ResponseWriter, r *http.Request) {
			_, _ = fmt.Fprintf(w, `{"data":[%d],"c":"x"}`, len(r.URL.RawQuery))
		}},
		"a link elsewhere": {"{by: link, path: next}", "leads to another server, elsewhere.example", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprint(w, `{"data":[1],"next":"http://elsewhere.example/orders"}`)
		}},
		"a link to itself": {"{by: link, path: next}", "leads to the page itself", func(w http.ResponseWriter, r *http.Request) {
			_, _ = fmt.Fprint(w, `{"data":[1],"next":"/orders"}`)
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, _ := client(t, serve(t, tt.answer), "  url: '%s/orders'\n  calls_a_minute: 6000\n  paging: "+tt.paging+"\n")
			if _, err := bodies(c, ""); kindOf(err) != Paging || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), "check paging") {
				t.Errorf("error is %v", err)
			}
		})
	}
	c, _ := client(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, `{"data":[%q]}`, r.URL.RawQuery)
	}), "  url: '%s/orders'\n  calls_a_minute: 6000\n  paging: {by: page, query: page, most: 2}\n")
	if got, err := bodies(c, ""); err != nil || len(got) != 2 {
		t.Errorf("two pages at most: %q, %v", got, err)
	}
}

func TestWhatPassesIsTriedAgain(t *testing.T) {
	tests := map[string]func(w http.ResponseWriter, r *http.Request){
		"429 with Retry-After": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "1")
			http.Error(w, "slow down", http.StatusTooManyRequests)
		},
		"500": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "oops", http.StatusInternalServerError) },
		"503": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", http.StatusServiceUnavailable) },
		"408": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "", http.StatusRequestTimeout) },
		"cut": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = fmt.Fprint(w, `{"data":[`)
		},
		"cut, of unknown length": func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, `{"data":[1,`) },
		"closed":                 func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	}
	for name, fault := range tests {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var arrivals []time.Time
			c, logged := client(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				arrivals = append(arrivals, time.Now())
				n := len(arrivals)
				mu.Unlock()
				if n <= 2 {
					fault(w, r)
					return
				}
				_, _ = fmt.Fprint(w, `{"data":[1]}`)
			}), "  url: '%s/orders'\n  query: {key: '${SHOP_KEY}'}\n  calls_a_minute: 6000\n")
			got, err := bodies(c, "")
			if err != nil || len(got) != 1 || len(arrivals) != 3 {
				t.Fatalf("%q of %d calls, %v", got, len(arrivals), err)
			}
			if name == "429 with Retry-After" && arrivals[1].Sub(arrivals[0]) < 900*time.Millisecond {
				t.Error("the API's wait was not kept to")
			}
			if !strings.Contains(logged.String(), "trying again") || strings.Contains(logged.String(), "s3cr3t") {
				t.Errorf("the log is %s", logged)
			}
		})
	}
}

func TestWhatStaysIsSaidAtOnce(t *testing.T) {
	tests := map[string]struct {
		status int
		body   string
		kind   Kind
		says   string
	}{
		"refused key, repeated":   {401, `{"error":"no such key: s3cr3t\/of+the-shop"}`, KeyRefused, "no such key: ${SHOP_KEY}"},
		"refused key, encoded":    {403, "key=s3cr3t%2Fof%2Bthe-shop", KeyRefused, "key=${SHOP_KEY}"},
		"refused key, in silence": {401, "", KeyRefused, "it was sent ${SHOP_KEY} and said nothing: check the variable"},
		"no credits":              {402, "pay", CreditsUsed, "larger plan"},
		"bad request":             {400, `{"msg":"Invalid symbol."}`, BadRequest, "Invalid symbol."},
		"legal":                   {451, "not from here", Refused, "does not answer from here"},
		"page":                    {200, "<html>log in</html>", NotJSON, "<html>log in"},
		"error with 200":          {200, `{"error":"no"}`, NotRows, "`at` says where"},
		"secret in the answer":    {200, `{"data":[1],"next":"/x?key=s3cr3t%2Fof%2Bthe-shop"}`, Repeats, "${SHOP_KEY} is in the body"},
		"a status of no meaning":  {202, "later", Unexpected, "HTTP 202"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			calls := 0
			c, logged := client(t, serve(t, func(w http.ResponseWriter, _ *http.Request) {
				calls++
				w.WriteHeader(tt.status)
				_, _ = fmt.Fprint(w, tt.body)
			}), "  url: '%s/orders'\n  query: {key: '${SHOP_KEY}'}\n")
			got, err := bodies(c, "")
			if kindOf(err) != tt.kind || calls != 1 || len(got) != 0 {
				t.Fatalf("%d calls, %v", calls, err)
			}
			if text := err.Error(); !strings.Contains(text, tt.says) || !strings.Contains(text, "/orders") || strings.Contains(text+logged.String(), "s3cr3t") {
				t.Errorf("error is %s", text)
			}
		})
	}
}

func TestOneSecretMayBeginAnother(t *testing.T) {
	c := &Client{secrets: map[string]settings.Secret{"SHORT": "abcdefgh", "LONG": "abcdefghijkl"}}
	for range 20 { // a map has another order each time
		if said := c.clean("no abcdefghijkl, no abcdefgh"); said != "no ${LONG}, no ${SHORT}" {
			t.Fatalf("it says %s", said)
		}
	}
}

func TestASecretDoesNotFollowARedirectToAnotherHost(t *testing.T) {
	var there []*http.Request
	elsewhere := serve(t, func(w http.ResponseWriter, r *http.Request) {
		there = append(there, r.Clone(context.Background()))
		_, _ = fmt.Fprint(w, `{"data":[1]}`)
	})
	var home *httptest.Server
	homeCalls := 0
	home = serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, elsewhere.URL+"/orders", http.StatusFound)
		case "/with":
			http.Redirect(w, r, elsewhere.URL+"/orders?"+r.URL.RawQuery, http.StatusFound)
		case "/near":
			http.Redirect(w, r, "/here", http.StatusFound)
		case "/round":
			http.Redirect(w, r, "/round", http.StatusFound)
		default:
			homeCalls++
			if r.Header.Get("X-Shop") != "key "+secret || r.Header.Get("X-Team") != "blue" {
				t.Errorf("on the same host the headers are %v", r.Header)
			}
			_, _ = fmt.Fprint(w, `{"data":[1]}`)
		}
	})
	block := "  url: '%s/{item}'\n  items: [away, with, near, round]\n  query: {key: '${SHOP_KEY}'}\n  headers: {X-Shop: 'key ${SHOP_KEY}', X-Team: blue}\n  calls_a_minute: 6000\n"
	c, _ := client(t, home, block)
	if _, err := bodies(c, "away"); err != nil || len(there) != 1 {
		t.Fatalf("%d calls, %v", len(there), err)
	}
	if r := there[0]; r.Header.Get("X-Shop") != "" || r.Header.Get("Referer") != "" || r.Header.Get("X-Team") != "blue" || strings.Contains(r.URL.String(), "s3cr3t") {
		t.Errorf("elsewhere hears %s %v", r.URL, r.Header)
	}
	if _, err := bodies(c, "with"); kindOf(err) != Redirected || len(there) != 1 || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("a redirect with the secret: %v", err)
	}
	if _, err := bodies(c, "near"); err != nil || homeCalls != 1 {
		t.Errorf("a redirect at home: %v", err)
	}
	if _, err := bodies(c, "round"); kindOf(err) != Redirected || !strings.Contains(err.Error(), "sent on 6 times") {
		t.Errorf("a redirect without end: %v", err)
	}
}

func TestFormatsAreCountedAndCutOnesAreFound(t *testing.T) {
	packed := func(text string) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write([]byte(text))
		_ = z.Close()
		return b.Bytes()
	}
	three := packed("{\"a\":1}\n\n{\"a\":2}\r\n{\"a\":3}")
	tests := []struct {
		ext  string
		body []byte
		rows int
		err  string
	}{
		{bronze.NDJSON, []byte("{}\n[1]\n"), 2, ""},
		{bronze.NDJSON, nil, 0, ""},
		{bronze.NDJSON, []byte("<html>"), 0, "not JSON"},
		{bronze.NDJSONGzip, three, 3, ""},
		{bronze.NDJSONGzip, three[:len(three)-9], 0, "ends early"},
		{bronze.NDJSONGzip, []byte("{}"), 0, "unpack"},
		{bronze.JSONGzip, packed(`{"data":[1,2]}`), 2, ""},
		{bronze.JSONGzip, packed(`{"data":[1,2`), 0, "ends early"},
		{bronze.Parquet, []byte("PAR1 no such PAR1"), 0, "footer"},
		{bronze.Parquet, []byte("<html>"), 0, "footer"},
	}
	at, err := recipe.ParsePath("data")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		got, err := count(tt.body, tt.ext, recipe.Rows{At: at})
		if got != tt.rows || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s %q: %d, %v; want %d, %s", tt.ext, tt.body[:min(20, len(tt.body))], got, err, tt.rows, tt.err)
		}
	}
}

func TestAMissingSecretIsNamed(t *testing.T) {
	r, err := recipe.Parse([]byte("name: a/b\nfetch: {url: 'https://x.example/v1', headers: {X-Key: '${NONE}'}}"))
	if err != nil {
		t.Fatal(err)
	}
	none := func(string) string { return "" }
	if _, err := New(Config{Recipe: r, File: "b.yaml", Secret: none}); kindOf(err) != KeyMissing || !strings.Contains(err.Error(), "b.yaml sends ${NONE}, which is not set") {
		t.Errorf("error is %v", err)
	}
	if _, err := New(Config{Recipe: r, File: "b.yaml", Secret: func(string) string { return "a b" }}); err == nil || !strings.Contains(err.Error(), "NONE holds a blank") {
		t.Errorf("error is %v", err)
	}
	if r, err = recipe.Parse([]byte("name: a/b\nfetch: {url: 'http://x.example/v1', headers: {X-Key: '${NONE?}'}}")); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{Recipe: r, Secret: none}); err != nil {
		t.Errorf("an optional secret is wanted: %v", err)
	}
	if _, err := New(Config{Recipe: r, File: "b.yaml", Secret: func(string) string { return "abc" }}); err == nil || !strings.Contains(err.Error(), "unencrypted to x.example") {
		t.Errorf("error is %v", err)
	}
}

func TestEachKindSaysWhatToDo(t *testing.T) {
	for kind := range Kind(len(kinds)) {
		failed := &Error{Kind: kind, URL: "https://x.example", Status: 418, Detail: "detail", Attempts: 2, RetryAfter: time.Minute}
		text := failed.Error()
		if kinds[kind].hint == "" || !strings.HasSuffix(text, kinds[kind].hint) || !strings.Contains(text, kind.String()) {
			t.Errorf("%d does not say what to do: %s", kind, text)
		}
		if failed.Final() && failed.Retryable() {
			t.Errorf("%s is final and passes", kind)
		}
	}
}
