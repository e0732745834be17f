package security_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"millrace/tests/harness"
	"millrace/tests/harness/coin"
)

// script is text that wants to run. It comes as the id and the name of an asset, in a key, in a dead letter and in addresses.
const script = `"><img src=x onerror=alert(1)><script>alert(2)</script>`

// visitor is a browser on the console of a stack: it keeps its cookie, and follows no redirection.
type visitor struct {
	address string
	cookie  *http.Cookie
	// form is the text that the console's own pages put into their forms.
	form string
}

// visit opens the console as the holder of a token, "" for none.
func visit(t *testing.T, s *harness.Stack, token string) *visitor {
	t.Helper()
	v := &visitor{address: "http://" + s.HTTP}
	if token == "" {
		return v
	}
	res, _ := v.send(t, "GET", "/letters?token="+url.QueryEscape(token), nil, nil)
	if cookies := res.Cookies(); res.StatusCode == http.StatusSeeOther && len(cookies) == 1 {
		v.cookie = cookies[0]
	}
	_, page := v.send(t, "GET", "/tables/gold.rankings/snapshots", nil, nil)
	if found := regexp.MustCompile(`name="form" value="([^"]+)"`).FindStringSubmatch(page); found != nil {
		v.form = found[1]
	}
	return v
}

// send sends a request and returns the answer with its body. change may change the request.
func (v *visitor) send(t *testing.T, method, target string, body io.Reader, change func(*http.Request)) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, v.address+target, body)
	if err != nil {
		t.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if v.cookie != nil {
		r.AddCookie(v.cookie)
	}
	if change != nil {
		change(r)
	}
	client := http.Client{Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	_ = res.Body.Close()
	return res, string(text)
}

// console tries the console as who must not change anything, and with text that must stay text.
func console(t *testing.T, s *harness.Stack) {
	owner := visit(t, s, s.Vars(t, "owner")["MILLRACE_ICEBERG_TOKEN"])
	analyst := visit(t, s, s.Vars(t, "analyst")["MILLRACE_ICEBERG_TOKEN"])
	if owner.cookie == nil || owner.form == "" || analyst.cookie == nil || analyst.form != "" {
		t.Fatalf("the owner has %+v, the analyst %+v", owner, analyst)
	}
	hostileLake(t, s)
	t.Run("a cookie is no script's and no other site's", func(t *testing.T) { cookies(t, s, owner) })
	t.Run("only the owner's own forms change something", func(t *testing.T) { changes(t, s, owner, analyst) })
	t.Run("no other host or site is served", func(t *testing.T) { foreigners(t, owner) })
	t.Run("text stays text on each page", func(t *testing.T) { markup(t, owner) })
	t.Run("addresses lead nowhere else", func(t *testing.T) { detours(t, s, owner) })
	t.Run("large requests are refused", func(t *testing.T) { floods(t, owner) })
	t.Run("its SQL has the locks of the command", func(t *testing.T) { consoleSQL(t, s) })
}

// hostileLake puts objects whose every text wants to be markup.
func hostileLake(t *testing.T, s *harness.Stack) {
	t.Helper()
	name, err := json.Marshal(script)
	if err != nil {
		t.Fatal(err)
	}
	evil := fmt.Sprintf(`{"id":%s,"rank":"1","symbol":%[1]s,"name":%[1]s,"supply":"1","maxSupply":null,"marketCapUsd":"1","volumeUsd24Hr":"1","priceUsd":"1","changePercent24Hr":"1","vwap24Hr":null,"explorer":"javascript:alert(3)","more":%[1]s}`, name)
	refused := strings.Replace(evil, `"priceUsd":"1"`, `"priceUsd":`+string(name), 1)
	s.PutAndWait(t, coin.AssetsKey("evil.json"), coin.Assets(coin.Day(time.June, 2), evil, refused), map[string]string{"note": "<script>alert(4)</script>"})
	before := s.DeadLetters(t)
	s.Put(t, coin.AssetsKey(`"><img src=x onerror=alert(5)>.json`), []byte(`{"error":"<script>alert(6)</script>"}`), nil)
	s.AwaitDeadLetters(t, len(before)+1)
}

func cookies(t *testing.T, s *harness.Stack, owner *visitor) {
	c := owner.cookie
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Domain != "" || c.Path != "/" || c.MaxAge <= 0 || c.MaxAge > 24*3600 {
		t.Errorf("the cookie is %+v", c)
	}
	token := s.Vars(t, "owner")["MILLRACE_ICEBERG_TOKEN"]
	if strings.Contains(c.Value, token) || strings.Contains(owner.form, token) {
		t.Error("the cookie or the form has the token")
	}
	res, _ := owner.send(t, "GET", "/tables?x=1&token="+token, nil, nil)
	if to := res.Header.Get("Location"); res.StatusCode != http.StatusSeeOther || to != "/tables?x=1" {
		t.Errorf("a token in the address: %s to %q", res.Status, to)
	}
	for _, target := range []string{"//evil.example/?token=" + token, "/%2f/evil.example/?token=" + token, "/%5cevil.example?token=" + token} {
		res, _ := owner.send(t, "GET", target, nil, nil)
		if to := res.Header.Get("Location"); strings.HasPrefix(to, "//") || strings.HasPrefix(to, `/\`) || strings.Contains(to, "://") {
			t.Errorf("%s leads to %q", target, to)
		}
	}
	for _, wrong := range []string{"x", token[1:], token + "x", strings.ToLower(token), script} {
		res, page := owner.send(t, "GET", "/?token="+url.QueryEscape(wrong), nil, nil)
		if res.StatusCode != http.StatusForbidden || len(res.Cookies()) != 0 || strings.Contains(page, "onerror") {
			t.Errorf("the token %q: %s with %d cookies", wrong, res.Status, len(res.Cookies()))
		}
	}
}

// actions are all addresses that change something, each with a form that would do it. A test of reactor/console holds that none is missing.
var actions = []struct {
	pattern, path string
	form          url.Values
	// passed is the answer to the owner, whose form names what is not there.
	passed int
}{
	{"/letters/retry", "/letters/retry", url.Values{"id": {"4000000000"}}, http.StatusNotFound},
	{"/letters/drop", "/letters/drop", url.Values{"id": {"4000000000"}}, http.StatusNotFound},
	{"/replay", "/replay", url.Values{"from": {"yesterday"}}, http.StatusBadRequest},
	{"/replay/branch/{branch}/publish", "/replay/branch/nope/publish", url.Values{"typed": {"nope"}}, http.StatusNotFound},
	{"/replay/branch/{branch}/drop", "/replay/branch/nope/drop", url.Values{"typed": {"nope"}}, http.StatusNotFound},
	{"/tables/{table}/rollback", "/tables/gold.rankings/rollback", url.Values{"typed": {"gold.rankings"}, "to": {"4000000000"}}, http.StatusNotFound},
}

// state is what an action could change: dead letters and the tables' snapshots.
func state(t *testing.T, s *harness.Stack) string {
	t.Helper()
	letters, tables := s.Run(t, "reactor", "dlq", "list", "--output", "csv"), s.Run(t, "reactor", "tables", "--output", "csv")
	if letters.Code != 0 || tables.Code != 0 {
		t.Fatalf("%s %s", letters, tables)
	}
	return letters.Stdout + tables.Stdout
}

func changes(t *testing.T, s *harness.Stack, owner, analyst *visitor) {
	s.Settled(t) // gold may still be on its way
	before := state(t, s)
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	stranger := visit(t, s, "")
	guessed := &visitor{address: owner.address, cookie: &http.Cookie{Name: owner.cookie.Name, Value: strings.Repeat("A", 26)}}
	other := visit(t, s, s.Vars(t, "owner")["MILLRACE_ICEBERG_TOKEN"])
	for _, a := range actions {
		for what, tt := range map[string]struct {
			as     *visitor
			form   string
			change func(*http.Request)
		}{
			"no token":                     {stranger, owner.form, nil},
			"a guessed cookie":             {guessed, owner.form, nil},
			"an analyst's token":           {analyst, owner.form, nil},
			"an analyst and no text":       {analyst, "", nil},
			"the token as a header":        {stranger, owner.form, header("Authorization", "Bearer "+s.Vars(t, "owner")["MILLRACE_ICEBERG_TOKEN"])},
			"no text":                      {owner, "", nil},
			"another visit's text":         {owner, other.form, nil},
			"a form of another site":       {owner, owner.form, header("Origin", "https://evil.example")},
			"a form of another port":       {owner, owner.form, header("Origin", "http://127.0.0.1:1")},
			"a form of a file":             {owner, owner.form, header("Origin", "null")},
			"a name that is another's DNS": {owner, owner.form, func(r *http.Request) { r.Host = "evil.example" }},
		} {
			form := url.Values{"form": {tt.form}}
			for name, values := range a.form {
				form[name] = values
			}
			if res, page := tt.as.send(t, "POST", a.path, strings.NewReader(form.Encode()), tt.change); res.StatusCode != http.StatusForbidden {
				t.Errorf("%s, %s: %s %s", a.pattern, what, res.Status, page)
			}
			// In the address a form's text would be in histories and logs.
			if res, _ := tt.as.send(t, "GET", a.path+"?"+form.Encode(), nil, tt.change); res.StatusCode < 400 && a.path != "/replay" {
				t.Errorf("%s by GET, %s: %s", a.pattern, what, res.Status)
			}
		}
		form := url.Values{"form": {owner.form}}
		for name, values := range a.form {
			form[name] = values
		}
		if res, page := owner.send(t, "POST", a.path, strings.NewReader(form.Encode()), nil); res.StatusCode != a.passed {
			t.Errorf("%s by the owner: %s, want %d: %s", a.pattern, res.Status, a.passed, page)
		}
	}
	if after := state(t, s); after != before {
		t.Errorf("something has changed:\n%s\nwas\n%s", after, before)
	}
}

// consolePages are all kinds of pages, with text that wants to be markup where an address takes text.
func consolePages() []string {
	q := url.QueryEscape(script)
	key := url.QueryEscape(coin.AssetsKey(`"><img src=x onerror=alert(5)>.json`))
	return []string{
		"/", "/tables", "/tables/silver.asset_snapshots", "/tables/silver.rejected", "/tables/gold.rankings", "/tables/silver.asset_snapshots/profile",
		"/tables/gold.rankings/snapshots", "/tables/silver.rejected/changes", "/bronze", "/bronze?prefix=" + url.QueryEscape("bronze/coincap/assets/ingest_date=2025-06-30/"),
		"/bronze/object?key=" + key, "/bronze/object?key=" + url.QueryEscape(coin.AssetsKey("evil.json")), "/sql", "/sql?sql=" + url.QueryEscape("from silver.asset_snapshots"),
		"/sql?sql=" + url.QueryEscape("select '"+script+"' as x"), "/sql?sql=" + q, "/sql?as-of=" + q + "&sql=from+gold.rankings", "/market", "/market/" + url.PathEscape(script),
		"/letters", "/letters?filter=" + q, "/replay", "/replay?key=" + q, "/replay?dataset=" + q + "&from=" + q, "/replay/run/" + url.PathEscape(script), "/replay/branch/" + url.PathEscape(script),
		"/lineage", "/lineage?table=" + q, "/lineage?table=gold.rankings&key=" + q + "&key=2025-06-02", "/lineage?table=silver.asset_snapshots&key=" + q + "&key=" + url.QueryEscape("2025-06-02 00:00:00"),
		"/lineage/audits?table=gold.rankings", "/lineage/audits?table=" + q, "/lineage/plan?table=gold.rankings", "/lineage/plan?table=gold.rankings&sql=" + q,
		"/tables/" + url.PathEscape(script), "/tables/gold.rankings?at=" + q, "/" + url.PathEscape(script), "/letters/" + url.PathEscape(script),
	}
}

// markup looks at each page's elements: text of the lake has become none of them.
func markup(t *testing.T, owner *visitor) {
	_, list := owner.send(t, "GET", "/letters", nil, nil)
	pages := consolePages()
	for _, found := range regexp.MustCompile(`href="(/letters/\d+)"`).FindAllStringSubmatch(list, -1) {
		pages = append(pages, found[1])
	}
	if len(pages) == len(consolePages()) {
		t.Error("there is no dead letter to look at")
	}
	shown := 0
	for _, page := range pages {
		res, body := owner.send(t, "GET", page, nil, nil)
		if res.StatusCode >= http.StatusInternalServerError {
			t.Errorf("%s: %s %s", page, res.Status, body)
		}
		if policy := res.Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; script-src 'self';") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: the policy is %q", page, policy)
		}
		if res.Header.Get("X-Content-Type-Options") != "nosniff" || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", page, res.Header)
		}
		document, err := html.Parse(strings.NewReader(body))
		if err != nil {
			t.Fatalf("%s: %v", page, err)
		}
		for n := range document.Descendants() {
			if n.Type == html.ElementNode {
				element(t, page, n)
			}
			if n.Type == html.TextNode && strings.Contains(n.Data, "<img src=x onerror") {
				shown++
			}
		}
	}
	if shown < 20 {
		t.Errorf("the text that wants to be markup is shown %d times only", shown)
	}
	for _, target := range []string{"/api/v1/letters", "/api/v1/market", "/api/v1/sql?sql=from+silver.asset_snapshots", "/api/v1/" + url.PathEscape(script)} {
		res, body := owner.send(t, "GET", target, nil, nil)
		if res.Header.Get("Content-Type") != "application/json" || res.Header.Get("X-Content-Type-Options") != "nosniff" || strings.Contains(body, "<img") {
			t.Errorf("%s: %s %s", target, res.Header.Get("Content-Type"), body)
		}
	}
	res, _ := owner.send(t, "GET", "/sql.csv?sql=from+silver.asset_snapshots", nil, nil)
	if res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Disposition"), "attachment") || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/csv") {
		t.Errorf("the download: %s %v", res.Status, res.Header)
	}
}

// element refuses what the console's own markup never has.
func element(t *testing.T, page string, n *html.Node) {
	t.Helper()
	attribute := func(name string) string {
		i := slices.IndexFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
		if i < 0 {
			return ""
		}
		return n.Attr[i].Val
	}
	switch n.Data {
	case "script":
		if src := attribute("src"); !strings.HasPrefix(src, "/static/") && attribute("type") != "application/json" {
			t.Errorf("%s has a script of %q", page, src)
		}
	case "img":
		if src := attribute("src"); src != "/static/mark.svg" {
			t.Errorf("%s has an image of %q", page, src)
		}
	case "iframe", "object", "embed", "base", "style":
		t.Errorf("%s has an element %s", page, n.Data)
	}
	for _, a := range n.Attr {
		at := strings.TrimSpace(strings.ToLower(a.Val))
		switch {
		case strings.HasPrefix(a.Key, "on"), a.Key == "style", a.Key == "srcdoc":
			t.Errorf("%s: %s has the attribute %s=%q", page, n.Data, a.Key, a.Val)
		case (a.Key == "href" || a.Key == "src" || a.Key == "action" || a.Key == "formaction") && at != "" && !strings.HasPrefix(at, "/") && !strings.HasPrefix(at, "#") && !strings.HasPrefix(at, "?"),
			(a.Key == "href" || a.Key == "src" || a.Key == "action" || a.Key == "formaction") && strings.HasPrefix(at, "//"):
			t.Errorf("%s: %s leads to %q", page, n.Data, a.Val)
		}
	}
}

// foreigners are served nothing, not even what anybody on the machine may look at.
func foreigners(t *testing.T, owner *visitor) {
	for _, target := range []string{"/", "/now/live", "/tables", "/api/v1/now", "/api/v1/openapi.json", "/api/v1/sql?sql=from+gold.rankings", "/sql.csv?sql=from+gold.rankings", "/static/console.js", "/lineage/plan?table=gold.rankings"} {
		for what, change := range map[string]func(*http.Request){
			"a rebound name":          func(r *http.Request) { r.Host = "evil.example" },
			"a name that ends alike":  func(r *http.Request) { r.Host = "evil-localhost:80" },
			"an address of a network": func(r *http.Request) { r.Host = "192.0.2.1" },
			"another site":            func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
			"another port":            func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:1") },
			"another site's image": func(r *http.Request) {
				r.Header.Set("Sec-Fetch-Site", "cross-site")
				r.Header.Set("Sec-Fetch-Mode", "no-cors")
				r.Header.Set("Sec-Fetch-Dest", "image")
			},
		} {
			if res, _ := owner.send(t, "GET", target, nil, change); res.StatusCode != http.StatusForbidden {
				t.Errorf("%s, %s: %s", target, what, res.Status)
			}
		}
	}
}

// detours are addresses that try to lead to what the console does not show. None is the console's own fault, and each is answered soon.
func detours(t *testing.T, s *harness.Stack, owner *visitor) {
	q := url.QueryEscape
	silver := s.Run(t, "reactor", "query", "--output", "csv", "select count(*) as n from silver.asset_snapshots")
	for _, target := range []string{
		"/bronze?prefix=" + q("silver/"), "/bronze?prefix=" + q("bronze/../silver/"), "/bronze?prefix=" + q("bronze/../../../../etc/"), "/bronze?prefix=" + q("/bronze/"), "/bronze?prefix=" + q("bronze/\x00/"),
		"/bronze?prefix=" + q("bronze//"), "/bronze?prefix=" + q("bronze/"+strings.Repeat("x/", 2000)), "/bronze?after=" + q("silver/") + "&prefix=" + q("bronze/"),
		"/bronze/object?key=" + q("silver/asset_snapshots/metadata/00000.metadata.json"), "/bronze/object?key=" + q("bronze/../silver/asset_snapshots/"), "/bronze/object?key=" + q("bronze/../../../etc/passwd"),
		"/bronze/object?key=" + q("bronze/./x"), "/bronze/object?key=" + q("bronze/"), "/bronze/object?key=" + q("bronze/\x00"), "/bronze/object?key=" + q("bronze/"+strings.Repeat("x", 2000)), "/bronze/object?key=",
		"/bronze/object?key=" + q(coin.AssetsKey("evil.json")) + "&version=" + q("../../x"), "/bronze/object?key=" + q("bronze/' or 1=1 --"),
		"/static/../../../etc/passwd", "/static/..%2f..%2f..%2fetc%2fpasswd", "/static/%2e%2e/site.go", "/static//etc/passwd", `/static/..\..\site.go`,
		"/tables/..%2f..%2fetc%2fpasswd", "/tables/gold.rankings%27%20or%20%271%27=%271", "/tables/%00", "/tables/silver.asset_snapshots%2f..", "/tables/information_schema.tables", "/tables/gold.rankings?at=" + q("1; drop table x"),
		"/tables/gold.rankings?at=-1", "/tables/gold.rankings?at=99999999999999999999", "/tables/gold.rankings?at=" + q("' or 1=1 --"), "/tables/gold.rankings/changes?from=" + q("' or 1=1 --"),
		"/letters/-1", "/letters/0", "/letters/1e9", "/letters/99999999999999999999", "/letters/%00", "/letters/..%2fretry",
		"/market/" + url.PathEscape(`' or 1=1 --`), "/market/" + url.PathEscape(`'; copy (select 1) to '/tmp/x`), "/api/v1/market-series?chart=price&asset=" + q(`' or 1=1 --`), "/api/v1/market-series?chart=../x", "/api/v1/market-series?chart=market&asset=" + q(`' or 1=1 --`),
		"/replay/run/..%2f..%2fx", "/replay/run/x?events=-1", "/replay/run/x?events=1e99", "/replay/run/" + url.PathEscape("' or 1=1 --"), "/replay/branch/main", "/replay/branch/..%2fx", "/replay?key=" + q("silver/"), "/replay?key=" + q("../../etc/passwd"), "/replay?dataset=" + q("../x") + "&from=2025-01-01",
		"/sql?offset=-1&sql=from+gold.rankings", "/sql?offset=1e99&sql=from+gold.rankings", "/sql?offset=9000000000000000000&sql=from+gold.rankings", "/sql?as-of=" + q("' or 1=1 --") + "&sql=from+gold.rankings",
		"/lineage?table=" + q("gold.rankings'; drop") + "&key=x", "/lineage?table=gold.rankings&key=" + q("' or 1=1 --") + "&key=" + q("' or 1=1 --"), "/lineage?table=gold.rankings&key=a&key=b&key=c&key=d",
		"/lineage/audits?table=" + q("' or 1=1 --"), "/lineage/plan?table=silver.asset_snapshots", "/lineage/plan?table=gold.rankings&sql=" + q("-- model: gold.rankings\n-- grain: day\n-- lookback: 0 days\nselect content as x, current_date as day from read_text('/etc/passwd')"),
		"/now/live/..", "/api/v1/../../metrics/..", "/api/v1/%2e%2e/%2e%2e/etc/passwd",
	} {
		for _, way := range []string{target, "/api/v1" + target} {
			began := time.Now()
			res, body := owner.send(t, "GET", way, nil, nil)
			if res.StatusCode >= http.StatusInternalServerError || strings.Contains(body, "root:") || strings.Contains(body, "table-uuid") || strings.Contains(body, "package web") {
				t.Errorf("%s: %s %.2000s", way, res.Status, body)
			}
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("%s took %v", way, took)
			}
		}
	}
	if now := s.Run(t, "reactor", "query", "--output", "csv", "select count(*) as n from silver.asset_snapshots"); now.Stdout != silver.Stdout || now.Code != 0 {
		t.Errorf("silver has changed: %s, was %s", now, silver)
	}
}

// floods are requests that are too large. They are refused before they are read.
func floods(t *testing.T, owner *visitor) {
	for what, tt := range map[string]struct {
		path string
		body io.Reader
		want int
	}{
		"a body of 10 MB":            {"/letters/retry", bytes.NewReader(bytes.Repeat([]byte("x"), 10<<20)), 413},
		"a body of 10 MB in chunks":  {"/letters/retry", io.LimitReader(spaces{}, 10<<20), 413},
		"a plan of 1 MB":             {"/lineage/plan", strings.NewReader("table=gold.rankings&sql=" + strings.Repeat("x", 1<<20)), 413},
		"a plan of 1 MB in chunks":   {"/lineage/plan", io.MultiReader(strings.NewReader("table=gold.rankings&sql="), io.LimitReader(spaces{}, 1<<20)), 413},
		"a plan of 1 MB as JSON":     {"/api/v1/lineage/plan", io.MultiReader(strings.NewReader("table=gold.rankings&sql="), io.LimitReader(spaces{}, 1<<20)), 413},
		"a form of nothing but and":  {"/letters/retry", strings.NewReader(strings.Repeat("&", 60<<10)), 400},
		"a form that is none":        {"/letters/retry", strings.NewReader("%zz=%zz"), 400},
		"a plan that is no form":     {"/lineage/plan", strings.NewReader("%zz=%zz"), 400},
		"an address of 64 KB":        {"/sql?sql=" + strings.Repeat("x", 64<<10), nil, 431},
		"a plan of nested brackets":  {"/lineage/plan", strings.NewReader("table=gold.rankings&sql=" + url.QueryEscape("-- model: gold.rankings\n-- grain: asset_id, day\n-- lookback: 0 days\nselect "+strings.Repeat("(", 9000)+"1"+strings.Repeat(")", 9000))), 200},
		"a plan of nested selects":   {"/lineage/plan", strings.NewReader("table=gold.rankings&sql=" + url.QueryEscape("-- model: gold.rankings\n-- grain: asset_id, day\n-- lookback: 0 days\n"+strings.Repeat("select * from (", 900)+"select 1"+strings.Repeat(")", 900))), 200},
		"a plan that joins too much": {"/lineage/plan", strings.NewReader("table=gold.rankings&sql=" + url.QueryEscape("-- model: gold.rankings\n-- grain: asset_id, day\n-- lookback: 0 days\nselect r0.asset_id, r0.day from gold.daily_summary r0"+strings.Repeat(", gold.daily_summary", 500))), 200},
	} {
		method := "POST"
		if tt.body == nil {
			method = "GET"
		}
		if res, body := owner.send(t, method, tt.path, tt.body, nil); res.StatusCode != tt.want {
			t.Errorf("%s: %s, want %d: %.300s", what, res.Status, tt.want, body)
		}
	}
	if res, _ := owner.send(t, "GET", "/healthz", nil, nil); res.StatusCode != http.StatusOK {
		t.Errorf("after all that: %s", res.Status)
	}
}

// consoleSQL tries the attacks of the command on the page of queries, and some on the page that tries a model's text.
func consoleSQL(t *testing.T, s *harness.Stack) {
	anybody, b := visit(t, s, ""), newBait(t)
	for i, attack := range attacks {
		sql := b.sql(attack)
		var answer struct{ Error string }
		res, body := anybody.send(t, "GET", "/api/v1/sql?sql="+url.QueryEscape(sql), nil, nil)
		if err := json.Unmarshal([]byte(body), &answer); err != nil || answer.Error == "" || res.StatusCode >= http.StatusInternalServerError || strings.Contains(body, hidden) {
			t.Errorf("went through: %s: %s %s", attack, res.Status, body)
		}
		if res, body := anybody.send(t, "GET", "/sql.csv?sql="+url.QueryEscape(sql), nil, nil); res.StatusCode < 400 || strings.Contains(body, hidden) {
			t.Errorf("went through as a download: %s: %s %s", attack, res.Status, body)
		}
		if i%3 == 0 {
			for what, model := range map[string]string{"a whole model": sql, "a common table": "with x as (" + sql + ") select asset_id, day from gold.daily_summary, x"} {
				text := url.Values{"table": {"gold.rankings"}, "sql": {"-- model: gold.rankings\n-- grain: asset_id, day\n-- lookback: 0 days\n" + model}}
				res, body := anybody.send(t, "POST", "/api/v1/lineage/plan", strings.NewReader(text.Encode()), nil)
				if err := json.Unmarshal([]byte(body), &answer); err != nil || answer.Error == "" || res.StatusCode >= http.StatusInternalServerError || strings.Contains(body, hidden) {
					t.Errorf("went through as %s: %s: %s %s", what, attack, res.Status, body)
				}
			}
		}
		b.untouched(t, attack)
	}
}
