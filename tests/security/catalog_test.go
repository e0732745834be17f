package security_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	s3 "github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"millrace/tests/harness"
)

// engine speaks to the Iceberg catalog as an engine does that has some token.
type engine struct {
	s     *harness.Stack
	token string
}

// tokenOf is the token of a role that has one.
func tokenOf(t *testing.T, s *harness.Stack, role string) string {
	t.Helper()
	token := s.Vars(t, role)["MILLRACE_ICEBERG_TOKEN"]
	if token == "" {
		t.Fatalf("role %s has no token", role)
	}
	return token
}

func as(t *testing.T, s *harness.Stack, role string) engine {
	t.Helper()
	return engine{s, tokenOf(t, s, role)}
}

// answered is what the catalog says to a call.
type answered struct {
	code   int
	body   string
	header http.Header
}

func (a answered) String() string { return fmt.Sprintf("%d %.300s", a.code, a.body) }

// refused tells whether the catalog said no, in words, rather than broke.
func (a answered) refused() bool { return a.code >= 400 && a.code < 500 }

// ask sends one call; a redirect is an answer. Each of more changes the request.
func (e engine) ask(t *testing.T, method, path, body string, more ...func(*http.Request)) answered {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+e.s.HTTP+"/iceberg/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if e.token != "" {
		r.Header.Set("Authorization", "Bearer "+e.token)
	}
	for _, change := range more {
		change(r)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answered{response.StatusCode, string(text), response.Header}
}

// must is ask for a call that has to succeed.
func (e engine) must(t *testing.T, method, path, body string, more ...func(*http.Request)) answered {
	t.Helper()
	a := e.ask(t, method, path, body, more...)
	if a.code >= 300 {
		t.Fatalf("%s %s: %s", method, path, a)
	}
	return a
}

const (
	oneColumn = `{"type":"struct","schema-id":0,"fields":[{"id":1,"name":"x","required":false,"type":"long"}]}`
	snapshots = "v1/namespaces/silver/tables/asset_snapshots"
)

// newTable is the body that makes a table, with more fields.
func newTable(name, more string) string {
	return fmt.Sprintf(`{"name":%q,"schema":%s%s}`, name, oneColumn, more)
}

// vended asks for keys with a table.
func vended(r *http.Request) { r.Header.Set("X-Iceberg-Access-Delegation", "vended-credentials") }

// keysOf signs in with the keys that came with a table; nil when none came. It remembers them as secrets of the run.
func (e engine) keysOf(t *testing.T, a answered) *s3.Client {
	t.Helper()
	var body struct {
		Credentials []struct{ Config map[string]string } `json:"storage-credentials"`
	}
	if err := json.Unmarshal([]byte(a.body), &body); err != nil {
		t.Fatal(err)
	}
	if len(body.Credentials) == 0 {
		return nil
	}
	config := body.Credentials[0].Config
	vendedSecrets[config["s3.secret-access-key"]], vendedSecrets[config["s3.session-token"]] = true, true
	client, err := s3.New(strings.TrimPrefix(e.s.S3, "http://"), &s3.Options{Region: "us-east-1", MaxRetries: 1,
		Creds: credentials.NewStaticV4(config["s3.access-key-id"], config["s3.secret-access-key"], config["s3.session-token"])})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// vendedSecrets are those of all keys that the catalog has lent in this run.
var vendedSecrets = map[string]bool{}

func theCatalog(t *testing.T, s *harness.Stack) {
	pid := s.ChildPID(t, "reactor")
	forgetPeak(t, pid)
	owner := as(t, s, "owner")
	owner.must(t, http.MethodPost, "v1/namespaces", `{"namespace":["lab"]}`)
	for _, name := range []string{"t", "u"} {
		owner.must(t, http.MethodPost, "v1/namespaces/lab/tables", newTable(name, ""))
	}
	t.Run("nobody comes in without a token", func(t *testing.T) { strangers(t, s) })
	t.Run("who may read cannot write", func(t *testing.T) { readers(t, s) })
	t.Run("keys open their own table", func(t *testing.T) { lentKeys(t, s) })
	t.Run("no name leads elsewhere", func(t *testing.T) { trickyNames(t, s) })
	t.Run("no table lies where another thing does", func(t *testing.T) { trickyPlaces(t, s) })
	t.Run("silver and gold stay the reactor's", func(t *testing.T) { ownedTables(t, s) })
	t.Run("no body takes the memory or the time", func(t *testing.T) { trickyBodies(t, s) })
	t.Run("a catalog alone asks for tokens, too", func(t *testing.T) { catalogAlone(t, s) })
	t.Run("a web page reaches nothing", func(t *testing.T) { webPages(t, s) })
	if most := peakKB(t, pid) >> 10; most > 600 {
		t.Errorf("the reactor took up to %d MB", most)
	} else {
		t.Logf("the reactor took up to %d MB", most)
	}
}

// endpoints are the calls that the catalog says it has, made of names that exist.
func endpoints(t *testing.T, s *harness.Stack) (all [][2]string) {
	t.Helper()
	var config struct{ Endpoints []string }
	a := as(t, s, "owner").must(t, http.MethodGet, "v1/config", "")
	if err := json.Unmarshal([]byte(a.body), &config); err != nil {
		t.Fatal(err)
	}
	names := strings.NewReplacer("/{prefix}", "", "{namespace}", "lab", "{table}", "t", "{view}", "v", "{plan-id}", "p")
	for _, e := range config.Endpoints {
		method, path, _ := strings.Cut(e, " ")
		all = append(all, [2]string{method, strings.TrimPrefix(names.Replace(path), "/")})
	}
	if len(all) < 20 {
		t.Fatalf("the catalog has only %d calls: %v", len(all), all)
	}
	return all
}

func strangers(t *testing.T, s *harness.Stack) {
	owner := tokenOf(t, s, "owner")
	header := func(value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", value) }
	}
	const wrong = "a-token-that-is-nobodys-0123"
	for _, e := range append(endpoints(t, s), [2]string{"GET", "v1/config"}, [2]string{"GET", "v1/nothing"}, [2]string{"PUT", "v1/namespaces"}, [2]string{"OPTIONS", "v1/config"}) {
		for what, change := range map[string]func(*http.Request){
			"no token":       header(""),
			"an empty token": header("Bearer "),
			"a wrong token":  header("Bearer " + wrong),
			"half a token":   header("Bearer " + owner[:len(owner)/2]),
			"a longer token": header("Bearer " + owner + "x"),
			"another scheme": header("Basic " + owner),
			"a token in the path": func(r *http.Request) {
				r.Header.Del("Authorization")
				r.URL.RawQuery = "access_token=" + wrong + "&token=" + wrong
			},
			"a cookie": func(r *http.Request) { r.Header.Del("Authorization"); r.Header.Set("Cookie", "token="+wrong) },
		} {
			a := engine{s, ""}.ask(t, e[0], e[1], "{}", change)
			if a.code != http.StatusUnauthorized || strings.Contains(a.body, wrong) || e[0] != "HEAD" && a.body == "" {
				t.Errorf("%s %s with %s: %s", e[0], e[1], what, a)
			}
		}
	}
	form := func(values url.Values) answered {
		return engine{s, ""}.ask(t, http.MethodPost, "v1/oauth/tokens", values.Encode(), func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") })
	}
	grant := url.Values{"grant_type": {"client_credentials"}, "client_id": {"owner"}, "client_secret": {owner}, "scope": {"catalog"}}
	if a := form(grant); a.code != http.StatusOK || !strings.Contains(a.body, owner) || !strings.Contains(a.header.Get("Cache-Control"), "no-store") {
		t.Errorf("the owner's secret gets no token: %d", a.code)
	}
	for what, change := range map[string]func(url.Values){
		"no secret":             func(v url.Values) { v.Del("client_secret") },
		"a wrong secret":        func(v url.Values) { v.Set("client_secret", wrong) },
		"another role's secret": func(v url.Values) { v.Set("client_id", "analyst") },
		"no grant":              func(v url.Values) { v.Del("grant_type") },
		"another grant":         func(v url.Values) { v.Set("grant_type", "password") },
		"a wrong token to trade": func(v url.Values) {
			v.Set("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
			v.Set("subject_token", wrong)
		},
	} {
		v := url.Values{}
		for name, value := range grant {
			v[name] = value
		}
		change(v)
		if a := form(v); !a.refused() || strings.Contains(a.body, wrong) || strings.Contains(a.body, owner) {
			t.Errorf("%s: %s", what, a)
		}
	}
}

// readers tries every call that changes something with the tokens of those who may read. Then the owner does the same, or what is
// refused here could be refused to everybody.
func readers(t *testing.T, s *harness.Stack) {
	before := s.Contents(t, "silver.asset_snapshots")
	pointer := as(t, s, "owner").must(t, http.MethodGet, "v1/namespaces/lab/tables/t", "").body
	const property = `{"requirements":[],"updates":[{"action":"set-properties","updates":{"p":"q"}}]}`
	const view = `{"name":"v","schema":` + oneColumn + `,"view-version":{"version-id":1,"timestamp-ms":1700000000000,"schema-id":0,"summary":{},"default-namespace":["lab"],"representations":[{"type":"sql","sql":"select 1","dialect":"spark"}]},"properties":{}}`
	calls := []struct{ method, path, body string }{
		{"POST", "v1/namespaces", `{"namespace":["made"]}`},
		{"POST", "v1/namespaces/made/properties", `{"updates":{"p":"q"}}`},
		{"DELETE", "v1/namespaces/made", ""},
		{"POST", "v1/namespaces/lab/tables", newTable("made", "")},
		{"POST", "v1/namespaces/lab/tables", newTable("staged", `,"stage-create":true`)},
		{"POST", "v1/namespaces/lab/tables/made", property},
		{"POST", snapshots, property},
		{"POST", "v1/transactions/commit", `{"table-changes":[{"identifier":{"namespace":["lab"],"name":"made"},"requirements":[],"updates":[{"action":"set-properties","updates":{"r":"s"}}]}]}`},
		{"POST", "v1/tables/rename", `{"source":{"namespace":["lab"],"name":"made"},"destination":{"namespace":["lab"],"name":"moved"}}`},
		{"POST", "v1/namespaces/lab/register", `{"name":"again","metadata-location":"METADATA"}`},
		{"POST", "v1/namespaces/lab/views", view},
		{"POST", "v1/views/rename", `{"source":{"namespace":["lab"],"name":"v"},"destination":{"namespace":["lab"],"name":"w"}}`},
		{"DELETE", "v1/namespaces/lab/views/w", ""},
		{"DELETE", "v1/namespaces/lab/tables/moved", ""},
		{"DELETE", "v1/namespaces/lab/tables/again?purgeRequested=true", ""},
	}
	for _, role := range []string{"analyst", "reporter"} {
		reader := as(t, s, role)
		for _, c := range calls {
			if a := reader.ask(t, c.method, c.path, c.body); a.code != http.StatusForbidden {
				t.Errorf("%s: %s %s: %s", role, c.method, c.path, a)
			}
		}
		for _, e := range endpoints(t, s) { // a call that is new, and that nobody wrote down above
			report := strings.HasSuffix(e[1], "/metrics")
			if a := reader.ask(t, e[0], e[1], "{}"); e[0] != "GET" && e[0] != "HEAD" && !report && a.code != http.StatusForbidden {
				t.Errorf("%s: %s %s: %s", role, e[0], e[1], a)
			}
		}
		reader.must(t, http.MethodGet, snapshots, "")
		reader.must(t, http.MethodGet, "v1/namespaces", "")
	}
	s.SameContents(t, "after all that readers tried", before)
	if got := as(t, s, "owner").must(t, http.MethodGet, "v1/namespaces/lab/tables/t", "").body; got != pointer {
		t.Errorf("lab.t is not what it was: %s", got)
	}
	owner := as(t, s, "owner")
	metadata := ""
	for _, c := range calls {
		a := owner.ask(t, c.method, c.path, strings.Replace(c.body, "METADATA", metadata, 1))
		if a.code >= 300 {
			t.Errorf("the owner: %s %s: %s", c.method, c.path, a)
		}
		if c.path == "v1/tables/rename" { // dropped without its files, it can be registered under another name
			moved := owner.must(t, http.MethodGet, "v1/namespaces/lab/tables/moved", "")
			var body struct {
				Location string `json:"metadata-location"`
			}
			if err := json.Unmarshal([]byte(moved.body), &body); err != nil {
				t.Fatal(err)
			}
			metadata = body.Location
			owner.must(t, http.MethodDelete, "v1/namespaces/lab/tables/moved", "")
			owner.must(t, http.MethodPost, "v1/namespaces/lab/tables", newTable("moved", `,"location":"s3://lakehouse/tables/lab/anew"`))
		}
	}
}

// reach is what somebody may do with keys.
func reach(ctx context.Context, c *s3.Client, folder string) (read, write bool) {
	listed := true
	for object := range c.ListObjects(ctx, "lakehouse", s3.ListObjectsOptions{Prefix: folder + "/", Recursive: true}) {
		if object.Err != nil {
			listed = false
			continue
		}
		_, err := c.StatObject(ctx, "lakehouse", object.Key, s3.StatObjectOptions{})
		read = read || err == nil
	}
	_, err := c.PutObject(ctx, "lakehouse", folder+"/intruder", strings.NewReader("x"), 1, s3.PutObjectOptions{})
	return listed || read, err == nil
}

func lentKeys(t *testing.T, s *harness.Stack) {
	for _, tt := range []struct {
		role, path, own string
		write           bool
	}{
		{"owner", "v1/namespaces/lab/tables/t", "tables/lab/t", true},
		{"owner", snapshots, "silver/asset_snapshots", true},
		{"analyst", "v1/namespaces/lab/tables/t", "tables/lab/t", false},
		{"analyst", snapshots, "silver/asset_snapshots", false},
		{"reporter", snapshots, "silver/asset_snapshots", false},
	} {
		e := as(t, s, tt.role)
		for way, a := range map[string]answered{
			"loading":   e.must(t, http.MethodGet, tt.path, "", vended),
			"renewing":  e.must(t, http.MethodGet, tt.path+"/credentials", ""),
			"only refs": e.must(t, http.MethodGet, tt.path+"?snapshots=refs", "", vended),
		} {
			keys := e.keysOf(t, a)
			if keys == nil {
				t.Errorf("%s, %s of %s: no keys", tt.role, way, tt.path)
				continue
			}
			for _, folder := range []string{"tables/lab/t", "tables/lab/u", "tables/lab", "tables", "silver/asset_snapshots", "silver/asset_prices", "silver", "gold/rankings", "gold",
				"bronze/coincap/assets/ingest_date=2026-06-01", "bronze", "reports"} {
				read, write := reach(t.Context(), keys, folder)
				if own := folder == tt.own; read != own || write != (own && tt.write) {
					t.Errorf("%s, %s of %s: %s can be read: %v, and written: %v", tt.role, way, tt.path, folder, read, write)
				}
			}
		}
		if a := e.must(t, http.MethodGet, tt.path, ""); e.keysOf(t, a) != nil || strings.Contains(a.body, "session-token") {
			t.Errorf("%s got keys for %s without asking", tt.role, tt.path)
		}
	}
	if a := (engine{s, "a-token-that-is-nobodys-0123"}).ask(t, http.MethodGet, snapshots+"/credentials", ""); a.code != http.StatusUnauthorized {
		t.Errorf("keys for a wrong token: %s", a)
	}
}

// catalogAlone starts `reactor catalog` as it may not be started, and as it may.
func catalogAlone(t *testing.T, s *harness.Stack) {
	none := []string{"MILLRACE_HTTP_ADDR=127.0.0.1:0", "MILLRACE_OWNER_TOKEN=", "MILLRACE_ANALYST_TOKEN=", "MILLRACE_REPORTER_TOKEN="}
	for _, tt := range []struct{ setting, say string }{
		{"", "nobody could call the catalog"},
		{"MILLRACE_OWNER_TOKEN=short-token", "MILLRACE_OWNER_TOKEN"},
		{"MILLRACE_ANALYST_TOKEN=a token with a space in it", "MILLRACE_ANALYST_TOKEN"},
		{"MILLRACE_S3_PUBLIC_ENDPOINT=s3.example.org", "MILLRACE_S3_PUBLIC_ENDPOINT"},
		{"MILLRACE_TLS_CERT=/absent", "MILLRACE_TLS_KEY"},
	} {
		env := append(append(s.Env(t, "reactor"), none...), tt.setting)
		if strings.Contains(tt.setting, "S3") || strings.Contains(tt.setting, "TLS") {
			env = append(env, "MILLRACE_OWNER_TOKEN="+tokenOf(t, s, "owner"))
		}
		_, secret, _ := strings.Cut(tt.setting, "TOKEN=")
		if r := harness.RunProgram(t, env, "reactor", "catalog"); r.Code != 1 || !strings.Contains(r.Stderr, tt.say) || secret != "" && strings.Contains(r.String(), secret) {
			t.Errorf("reactor catalog with %q: %s", tt.setting, r)
		}
	}
	alone := s.StartIceberg(t, []string{"MILLRACE_S3_PUBLIC_ENDPOINT=https://s3.example.org"})
	for token, want := range map[string]int{alone.Token: http.StatusOK, tokenOf(t, s, "analyst"): http.StatusOK, tokenOf(t, s, "owner"): http.StatusUnauthorized} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, alone.URI+"/"+snapshots, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		if err = errors.Join(err, response.Body.Close()); err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != want || want == http.StatusOK && !strings.Contains(string(text), `"s3.endpoint":"https://s3.example.org"`) {
			t.Errorf("the catalog alone answers %d: %.300s", response.StatusCode, text)
		}
	}
}

// webPages tries what a page in the browser of somebody at this machine could: it may know the token, and must not get an answer.
func webPages(t *testing.T, s *harness.Stack) {
	owner := as(t, s, "owner")
	for what, change := range map[string]func(*http.Request){
		"a rebound name": func(r *http.Request) { r.Host = "evil.example:" + s.HTTP[strings.LastIndex(s.HTTP, ":")+1:] },
		"another origin": func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
		"no origin":      func(r *http.Request) { r.Header.Set("Origin", "null") },
		"another port":   func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:1") },
	} {
		for _, path := range []string{"v1/config", snapshots, "v1/oauth/tokens"} {
			if a := owner.ask(t, http.MethodGet, path, "", change); a.code != http.StatusForbidden || strings.Contains(a.body, "lakehouse") {
				t.Errorf("%s, %s: %s", what, path, a)
			}
		}
	}
	a := owner.must(t, http.MethodGet, "v1/config", "", func(r *http.Request) { r.Header.Set("Origin", "http://"+s.HTTP) })
	for name := range a.header {
		if strings.HasPrefix(name, "Access-Control-") {
			t.Errorf("other pages are let in: %s: %s", name, a.header.Get(name))
		}
	}
}

// trickyNames asks for things whose names are paths, patterns or nonsense.
func trickyNames(t *testing.T, s *harness.Stack) {
	owner := as(t, s, "owner")
	names := []string{"..", ".", "../silver", "..%2fsilver", "a/b", `a\b`, "a\x00b", "a\x01b", "a\nb", "a\x7fb", "\x1f", "a\x1f", "\x1fa", "", " ", "*", "%", "%s", "' or 1=1 --", `"; drop table iceberg_tables; --`,
		"\xff\xfe", "\u202elab", strings.Repeat("x", 256), strings.Repeat("€", 200), strings.Repeat("x", 7000), "lab\x1f..\x1fsilver"}
	before := s.Contents(t, "silver.asset_snapshots")
	for _, name := range names {
		in := url.PathEscape(name)
		for _, path := range []string{"v1/namespaces/" + in, "v1/namespaces/" + in + "/tables", "v1/namespaces/" + in + "/tables/t", "v1/namespaces/lab/tables/" + in, "v1/namespaces/lab/views/" + in, "v1/namespaces/lab/tables/" + in + "/credentials"} {
			if a := owner.ask(t, http.MethodGet, path, ""); a.code != http.StatusOK && !a.refused() && a.code != http.StatusMovedPermanently && a.code != http.StatusTemporaryRedirect {
				t.Errorf("GET %.100q: %s", path, a)
			} else if to := a.header.Get("Location"); to != "" && strings.Contains(to, owner.token) {
				t.Errorf("GET %.100q leads to %s", path, to)
			}
		}
		quoted, err := json.Marshal(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct{ path, body string }{
			{"v1/namespaces", fmt.Sprintf(`{"namespace":[%s]}`, quoted)},
			{"v1/namespaces", fmt.Sprintf(`{"namespace":["lab",%s]}`, quoted)},
			{"v1/namespaces/lab/tables", fmt.Sprintf(`{"name":%s,"schema":%s}`, quoted, oneColumn)},
			{"v1/tables/rename", fmt.Sprintf(`{"source":{"namespace":["lab"],"name":"u"},"destination":{"namespace":["lab"],"name":%s}}`, quoted)},
		} {
			a := owner.ask(t, http.MethodPost, c.path, c.body)
			switch {
			case a.refused():
			case a.code >= 500:
				t.Errorf("POST %s %.100s: %s", c.path, c.body, a)
			case strings.ContainsAny(name, "/\\\x00\x01\n\x7f\x1f") || name == "" || strings.Trim(name, ".") == "":
				t.Errorf("a name that is a path, or none, is taken: POST %s %.100s: %s", c.path, c.body, a)
			case strings.HasSuffix(c.path, "/rename"):
				owner.must(t, http.MethodPost, "v1/tables/rename", fmt.Sprintf(`{"source":{"namespace":["lab"],"name":%s},"destination":{"namespace":["lab"],"name":"u"}}`, quoted))
			case strings.HasSuffix(c.path, "/tables"):
				closedKeys(t, owner, "v1/namespaces/lab/tables/"+in)
			}
		}
	}
	s.SameContents(t, "after names of all kinds", before)
}

// closedKeys fails the test when the keys of a table open anything but its own folder below tables/.
func closedKeys(t *testing.T, e engine, path string) {
	t.Helper()
	a := e.ask(t, http.MethodGet, path, "", vended)
	if a.code != http.StatusOK {
		t.Errorf("load %.100q: %s", path, a)
		return
	}
	keys := e.keysOf(t, a)
	if keys == nil {
		return
	}
	for _, folder := range []string{"silver/asset_snapshots", "gold/rankings", "bronze/coincap/assets/ingest_date=2026-06-01", "reports", "tables/lab/t"} {
		if read, write := reach(t.Context(), keys, folder); read || write {
			t.Errorf("the keys of %.100q open %s: read %v, write %v", path, folder, read, write)
		}
	}
}
