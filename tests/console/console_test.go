//go:build console

package console

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"millrace/tests/harness"
	"millrace/tests/harness/coin"
)

var (
	pictures = flag.String("pictures", "", "folder that gets a picture of each page")
	axe      = flag.String("axe", "", "file of axe-core, axe.min.js")
)

// markup is the name of an asset that wants to be a script.
const markup = `<img src=x onerror=alert(1)>`

// console is a stack with a little of everything: prices of two months, an asset whose name is markup, refused rows and a dead letter.
type console struct {
	*harness.Stack
	address, token string
}

func start(t *testing.T, opts ...harness.Option) console {
	t.Helper()
	c := console{Stack: harness.Start(t, opts...)}
	at, err := url.Parse(c.Vars(t, "owner")["MILLRACE_CONSOLE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	c.address, c.token = at.Scheme+"://"+at.Host, at.Query().Get("token")
	return c
}

func (c console) fill(t *testing.T) {
	t.Helper()
	var points []string
	for day := range 59 {
		points = append(points, coin.Point(coin.Day(time.May, 1+day), fmt.Sprintf("%d.25", 100+day)))
	}
	c.PutAndWait(t, coin.HistoryKey("bitcoin_d1.json"), coin.Points(points...), coin.About("bitcoin", "d1"))
	for i, price := range []string{"1.5", "2.5"} {
		at := coin.Day(time.June, 29+i)
		named := strings.Replace(coin.Asset("evil", price, "5"), "Name of evil", markup, 1)
		refused := coin.Asset("refused", "no number", "1")
		c.PutAndWait(t, coin.AssetsKey(fmt.Sprintf("%d.json", i)), coin.Assets(at, coin.Asset("bitcoin", price, "100.5"), named, refused), nil)
	}
	c.Put(t, coin.AssetsKey("broken.json"), []byte(`{"error":"<script>alert(2)</script>"}`), nil)
	c.AwaitDeadLetters(t, 1)
}

// pages are all of them, on that stack.
func pages() []string {
	return []string{
		"/", "/tables", "/tables/gold.rankings", "/tables/gold.rankings/profile", "/tables/gold.rankings/snapshots", "/tables/gold.rankings/changes",
		"/tables/silver.rejected", "/bronze", "/bronze?prefix=bronze/coincap/assets/ingest_date=2025-06-30/",
		"/bronze/object?key=" + url.QueryEscape(coin.AssetsKey("broken.json")), "/bronze/object?key=" + url.QueryEscape(coin.HistoryKey("bitcoin_d1.json")),
		"/sql", "/sql?sql=" + url.QueryEscape("from silver.asset_snapshots"), "/sql?sql=" + url.QueryEscape("from gold.daily_summary order by day") + "&x=day&y=close",
		"/search?q=bitcoin", "/tables/gold.rankings/engines", "/market", "/market/bitcoin", "/market/evil", "/letters", "/letters/1",
		"/replay", "/replay?dataset=coincap%2Fassets", "/lineage", "/lineage?table=gold.rankings&key=bitcoin&key=2025-06-30",
		"/lineage/audits?table=gold.rankings", "/lineage/plan?table=gold.rankings",
	}
}

func TestEachPageIsForPeople(t *testing.T) {
	c := start(t)
	c.fill(t)
	b := open(t)
	rules := axeRules(t)
	b.visit(t, c.address+"/?token="+c.token)
	for _, look := range []look{{390, false}, {390, true}, {1440, false}, {1440, true}} {
		b.as(t, look)
		for _, page := range pages() {
			b.visit(t, c.address+page)
			b.until(t, "charts are drawn", "[...document.querySelectorAll('[data-chart]')].every(e => e.querySelector('canvas') || e.closest('details:not([open])'))")
			if ask[bool](t, b, "document.documentElement.scrollWidth > document.documentElement.clientWidth") {
				t.Errorf("%s at %s is wider than its window", page, look)
			}
			for _, complaint := range b.complaints() {
				t.Errorf("%s at %s: %s", page, look, complaint)
			}
			b.picture(t, *pictures, page+"-"+look.String())
			for _, v := range violations(t, b, rules) {
				t.Errorf("%s at %s: %s", page, look, v)
			}
		}
	}
}

// axeRules is the text of axe-core.
func axeRules(t *testing.T) string {
	t.Helper()
	if *axe == "" {
		return ""
	}
	text, err := os.ReadFile(*axe)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// violations are what axe-core finds on the page.
func violations(t *testing.T, b *tab, rules string) []string {
	t.Helper()
	if rules == "" {
		return nil
	}
	ask[bool](t, b, rules+"; true")
	found := ask[string](t, b, "axe.run().then(r => JSON.stringify(r.violations.map(v => v.id + ': ' + v.help + ' ' + v.nodes.slice(0, 3).map(n => n.target.join(' ') + ' ' + n.failureSummary).join(' | '))))")
	var all []string
	if err := json.Unmarshal([]byte(found), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAPutAppears(t *testing.T) {
	c := start(t)
	b, other := open(t), open(t)
	b.visit(t, c.address+"/")
	other.visit(t, c.address+"/")
	c.PutAndWait(t, coin.AssetsKey("seen.json"), coin.Assets(coin.Day(time.June, 1), coin.Asset("bitcoin", "1", "1")), nil)
	for _, one := range []*tab{b, other} {
		one.sees(t, "seen.json")
		one.until(t, "the object is in gold", `/seen\.json\s+silver\.asset_snapshots\s+\S+ \S+\s+[\d.]+ m?s\s+[\d.]+ m?s\s+done/.test(document.querySelector('main').innerText)`)
		for _, complaint := range one.complaints() {
			t.Error(complaint)
		}
	}
}

func TestASliderGoesBack(t *testing.T) {
	c := start(t)
	c.fill(t)
	b := open(t)
	b.visit(t, c.address+"/tables/silver.asset_snapshots")
	b.sees(t, "2025-06-30")
	ask[bool](t, b, "(() => { const s = document.querySelector('#step'); s.value = 0; return s.dispatchEvent(new Event('change', {bubbles: true})) })()")
	b.sees(t, "as of")
	if text := b.text(t); strings.Contains(text, "2025-06-30 00:00:00") || !strings.Contains(text, "2025-06-29 00:00:00") {
		t.Errorf("the first snapshot is shown as\n%s", text)
	}
}

func TestABadQuerySaysWhere(t *testing.T) {
	c := start(t)
	b := open(t)
	b.visit(t, c.address+"/sql")
	b.do(t, "write", chromedp.WaitVisible(chromedp.CSS(".cm-content")), chromedp.Click(chromedp.CSS(".cm-content")), chromedp.SendKeys(chromedp.CSS(".cm-content"), "select nope from gold.rankings"))
	b.submit(t, "button.first", nil)
	b.sees(t, `"nope" not found`)
	b.sees(t, "LINE 1")
	b.visit(t, c.address+"/sql?sql="+url.QueryEscape("select count(*) as n from read_csv('/etc/passwd')"))
	if text := b.text(t); strings.Contains(text, "root:") || !strings.Contains(text, "disabled") {
		t.Errorf("a query reads a file: %s", text)
	}
}

func TestADeadLetterIsRetriedAndGoes(t *testing.T) {
	dir := t.TempDir()
	small := start(t, harness.InHome(dir), harness.WithEnv("MILLRACE_MAX_OBJECT_SIZE=64"))
	small.Put(t, coin.AssetsKey("large.json"), coin.Assets(coin.Day(time.June, 1), coin.Asset("bitcoin", "1", "1")), nil)
	small.AwaitDeadLetters(t, 1)
	small.Stop(t)
	c := start(t, harness.InHome(dir))
	b := open(t)
	b.visit(t, c.address+"/letters")
	b.sees(t, "large.json")
	if text := b.text(t); strings.Contains(text, "Retry") {
		t.Errorf("somebody without a token is offered a retry: %s", text)
	}
	b.sees(t, "To retry or drop them, open the console by the address")
	b.do(t, "to the object", chromedp.Click(chromedp.CSS("td.key a")))
	b.sees(t, "none: its dead letter")
	b.do(t, "and back", chromedp.Click(chromedp.CSS("main a[href^='/letters?filter=']")))
	b.sees(t, "1 of 1 found among 1")
	b.visit(t, c.address+"/letters?token="+c.token)
	b.submit(t, "td button", nil)
	b.sees(t, "published again")
	c.AwaitDeadLetters(t, 0)
	b.do(t, "to what became of it", chromedp.Click(chromedp.CSS("main li a")))
	b.sees(t, "its rows")
	b.visit(t, c.address+"/letters")
	b.sees(t, "None.")
}

func TestARollbackAndAPublishAreDone(t *testing.T) {
	c := start(t)
	c.fill(t)
	b := open(t)
	b.visit(t, c.address+"/tables/gold.rankings/snapshots?token="+c.token)
	first := ask[string](t, b, "[...document.querySelectorAll('select[name=to] option')].at(-1).value")
	b.submit(t, "button.danger", map[string]string{"select[name=to]": first, "input[name=typed]": "gold.ranking"})
	b.sees(t, "type gold.rankings to confirm")
	b.visit(t, c.address+"/tables/gold.rankings/snapshots")
	b.submit(t, "button.danger", map[string]string{"select[name=to]": first, "input[name=typed]": "gold.rankings"})
	b.sees(t, "is rolled back")
	b.sees(t, "Undo it: roll back to")
	if n := c.Count(t, "select count(*) as n from gold.rankings"); n != 59 {
		t.Errorf("after the rollback there are %d rankings, want those of 59 days of history", n)
	}
	c.Reactor(t, "replay", "--dataset", "coincap/assets", "--wait")
	c.Reactor(t, "replay", "--dataset", "coincap/assets", "--branch", "again")
	b.visit(t, c.address+"/replay")
	b.sees(t, "can be published")
	b.visit(t, c.address+"/replay/branch/again")
	b.submit(t, "button.first", map[string]string{"input[name=typed]": "again"})
	b.sees(t, "is main")
	c.CheckEqual(t)
}

// The reactor's limit makes an object a dead letter; a replay without that limit brings its rows onto a branch.
func TestAPublishIsTakenBack(t *testing.T) {
	c := start(t, harness.WithEnv("MILLRACE_MAX_OBJECT_SIZE=400"))
	bitcoin := coin.Asset("bitcoin", "1", "1")
	c.PutAndWait(t, coin.AssetsKey("small.json"), coin.Assets(coin.Day(time.June, 1), bitcoin), nil)
	c.Put(t, coin.AssetsKey("large.json"), coin.Assets(coin.Day(time.June, 2), bitcoin, coin.Asset("ethereum", "1", "1"), coin.Asset("tether", "1", "1")), nil)
	c.AwaitDeadLetters(t, 1)
	c.Reactor(t, "replay", "--dataset", "coincap/assets", "--branch", "again", "--max-object-size", "1MiB")
	b, other := open(t), open(t)
	other.visit(t, c.address+"/replay/branch/again")
	other.sees(t, "To publish or drop it, open the console by the address")
	b.visit(t, c.address+"/replay/branch/again?token="+c.token)
	b.sees(t, "It is taken back table by table")
	b.submit(t, "button.first", map[string]string{"input[name=typed]": "again"})
	b.sees(t, "To undo it, roll back each of these tables")
	other.visit(t, c.address+"/tables/silver.asset_snapshots")
	other.sees(t, "ethereum")
	b.do(t, "to the rollback", chromedp.Click(chromedp.CSS("main li a")), chromedp.WaitReady(chromedp.CSS("input[name=typed]")))
	b.submit(t, "button.danger", map[string]string{"input[name=typed]": "silver.asset_snapshots"})
	b.sees(t, "is rolled back")
	other.visit(t, c.address+"/tables/silver.asset_snapshots")
	other.sees(t, "Main is at this snapshot.")
	if text := other.text(t); strings.Contains(text, "ethereum") || !strings.Contains(text, "bitcoin") {
		t.Errorf("after the publish was taken back the table is\n%s", text)
	}
}

func TestAReplayIsFollowed(t *testing.T) {
	c := start(t)
	c.fill(t)
	b := open(t)
	b.visit(t, c.address+"/replay?token="+c.token+"&dataset=coincap%2Fassets")
	b.sees(t, "3 objects would be worked on again")
	b.submit(t, "form[method=post] button.first", nil)
	b.sees(t, "3 events are published again")
	b.do(t, "follow it", chromedp.Click(chromedp.CSS("main a")))
	b.sees(t, "3 of 3 objects: done")
	b.sees(t, "It changed no row")
}

func TestAChangeOfAModelIsPlannedAndAuditsAreShown(t *testing.T) {
	c := start(t)
	c.fill(t)
	before := c.Reactor(t, "tables", "--output", "csv")
	b := open(t)
	b.visit(t, c.address+"/lineage?table=gold.daily_summary")
	b.do(t, "to the plan", chromedp.Click(chromedp.CSS("a[href^='/lineage/plan']")), chromedp.WaitReady(chromedp.CSS("textarea")))
	b.submit(t, "button.first", nil)
	b.sees(t, "The present text would change nothing.")
	ask[string](t, b, "document.querySelector('textarea').value = document.querySelector('textarea').value.replace('-- lookback: 0 days', '-- lookback: 1 days')")
	b.submit(t, "button.first", nil)
	for _, table := range []string{"gold.daily_summary", "gold.rolling_averages", "gold.rankings", "gold.market_summary"} {
		b.sees(t, table)
	}
	if text := b.text(t); strings.Count(text, "rebuild") < 4 || !strings.Contains(text, "61") {
		t.Errorf("the plan is\n%s", text)
	}
	ask[string](t, b, "document.querySelector('textarea').value += '; drop table silver.asset_prices'")
	b.submit(t, "button.first", nil)
	b.sees(t, "expected one statement")
	if after := c.Reactor(t, "tables", "--output", "csv"); after != before {
		t.Errorf("a plan has changed the tables to\n%s, they were\n%s", after, before)
	}
	b.visit(t, c.address+"/tables/gold.daily_summary")
	b.do(t, "to the audits", chromedp.Click(chromedp.CSS("nav.tabs a[href^='/lineage/audits']")))
	b.sees(t, "daily_summary_grain")
	b.sees(t, "daily_summary_prices")
	if text := b.text(t); strings.Contains(text, "no step yet") || strings.Contains(text, "stopped") || strings.Count(text, "passed") < 4 {
		t.Errorf("the audits are\n%s", text)
	}
}
