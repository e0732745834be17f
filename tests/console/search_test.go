//go:build console

package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"millrace/tests/harness/coin"
)

func TestTheKeyboardAloneFindsThings(t *testing.T) {
	c := start(t)
	c.fill(t)
	b := open(t)
	// Any page will do, and the palette of each is the same.
	b.visit(t, c.address+"/letters")
	snapshot := ask[string](t, b, `fetch("/api/v1/tables/gold.rankings").then(r => r.text()).then(t => /"snapshot":(\d+)/.exec(t)[1])`)
	for _, s := range []struct{ text, kind, name, leads string }{
		{"sql", "page", "SQL", "/sql"},
		{"rankings", "table", "gold.rankings", "/tables/gold.rankings"},
		{"sma_30", "column", "gold.rolling_averages.sma_30", "/tables/gold.rolling_averages"},
		{"average close of 90", "column", "gold.rolling_averages.sma_90", "/tables/gold.rolling_averages"},
		{"market_summary.sql", "model", "", "/lineage"},
		{"evil", "asset", "evil", "/market/evil"},
		{"onerror=alert", "asset", "evil", "/market/evil"}, // by its name, which is markup and stays text
		{"broken", "object", coin.AssetsKey("broken.json"), "/bronze/object"},
		{coin.HistoryKey("bitcoin"), "object", coin.HistoryKey("bitcoin_d1.json"), "/bronze/object"},
		{snapshot[:9], "snapshot", snapshot, "/tables/gold.rankings"},
	} {
		b.visit(t, c.address+"/letters")
		b.do(t, "press Ctrl-K", chromedp.KeyEvent("k", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
		b.until(t, "the palette is open", "document.activeElement.matches('dialog[open] input')")
		b.do(t, "type "+s.text, chromedp.KeyEvent(s.text))
		b.until(t, "there are hits for "+s.text, fmt.Sprintf("document.querySelector('#hits').dataset.of === %q && document.querySelector('#hits [aria-selected=true]')", s.text))
		hit := ask[[]string](t, b, "[...document.querySelectorAll('#hits [aria-selected=true] span')].map(e => e.textContent)")
		if hit[0] != s.kind || s.name != "" && hit[1] != s.name {
			t.Errorf("%s finds the %s %s first, want the %s %s", s.text, hit[0], hit[1], s.kind, s.name)
		}
		if ask[bool](t, b, "document.querySelector('dialog img') !== null") {
			t.Errorf("%s: a name has become markup", s.text)
		}
		b.do(t, "press Enter", chromedp.KeyEvent(kb.Enter))
		b.until(t, "the page of "+s.text+" is there", fmt.Sprintf("location.pathname === %q && document.readyState === 'complete'", s.leads))
	}
	for _, complaint := range b.complaints() {
		t.Error(complaint)
	}
}

func TestThePaletteIsForPeople(t *testing.T) {
	c := start(t)
	c.fill(t)
	b := open(t)
	rules := axeRules(t)
	for _, look := range []look{{390, true}, {1440, false}} {
		b.as(t, look)
		b.visit(t, c.address+"/")
		b.do(t, "press the button", chromedp.Click(chromedp.CSS("[data-search]")))
		b.until(t, "the palette is open", "document.activeElement.matches('dialog[open] input')")
		b.do(t, "type", chromedp.KeyEvent("gold"))
		b.until(t, "there are hits", "document.querySelector('#hits').dataset.of === 'gold'")
		second := ask[string](t, b, "document.querySelectorAll('#hits li')[1].id")
		b.do(t, "go down", chromedp.KeyEvent(kb.ArrowDown))
		if got := ask[string](t, b, "document.querySelector('dialog input').getAttribute('aria-activedescendant')"); got != second {
			t.Errorf("the arrow chooses %s, want %s", got, second)
		}
		for _, v := range violations(t, b, rules) {
			t.Errorf("at %s: %s", look, v)
		}
		b.picture(t, *pictures, "palette-"+look.String())
		b.do(t, "type what nothing is called", chromedp.KeyEvent("zzz"))
		b.until(t, "it says that there is nothing", "document.querySelector('dialog [role=status]').textContent.startsWith('Nothing')")
		b.do(t, "press Escape", chromedp.KeyEvent(kb.Escape))
		b.until(t, "the palette is closed", "!document.querySelector('dialog').open")
	}
	// Without scripts the button leads to a page.
	b.visit(t, c.address+"/search?q="+url.QueryEscape("average close"))
	b.sees(t, "gold.rolling_averages.sma_7")
}

func TestASearchIsBounded(t *testing.T) {
	c := start(t)
	c.fill(t)
	var found struct {
		Hits []struct{ Kind string }
	}
	c.get(t, "/api/v1/search?q=a", &found)
	kinds := map[string]int{}
	for _, h := range found.Hits {
		kinds[h.Kind]++
	}
	for kind, n := range kinds {
		if n > 8 && kind != "page" {
			t.Errorf("a letter finds %d of the kind %s", n, kind)
		}
	}
	if status := c.status(t, "/api/v1/search?q="+url.QueryEscape(string(make([]byte, 301)))); status != http.StatusBadRequest {
		t.Errorf("a text of 301 bytes gives %d", status)
	}
}

// get reads the JSON at an address.
func (c console) get(t *testing.T, path string, into any) {
	t.Helper()
	r, err := http.Get(c.address + path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	if err := json.NewDecoder(r.Body).Decode(into); err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%s answers %s: %v", path, r.Status, err)
	}
}

// status is how an address answers.
func (c console) status(t *testing.T, path string) int {
	t.Helper()
	r, err := http.Get(c.address + path)
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close()
	return r.StatusCode
}
