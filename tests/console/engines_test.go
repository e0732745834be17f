//go:build console

package console

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"millrace/tests/harness"
)

func TestBlocksForOtherProgramsHoldNoSecret(t *testing.T) {
	c := start(t, harness.WithEnv("MILLRACE_TRACE_URL=http://127.0.0.1:16686/trace/{trace}"))
	c.fill(t)
	b := open(t)
	b.visit(t, c.address+"/tables/gold.rankings?token="+c.token)
	b.do(t, "open the blocks", chromedp.Click(chromedp.CSS(`a[href$="/engines"]`)))
	b.sees(t, "PyIceberg")
	html := ask[string](t, b, "document.documentElement.outerHTML")
	for _, want := range []string{c.address + "/iceberg", "MILLRACE_ICEBERG_TOKEN", "psql", "read_iceberg", "gold.rankings"} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, role := range []string{"owner", "analyst"} {
		for name, value := range c.Vars(t, role) {
			secret := strings.Contains(name, "TOKEN") || strings.Contains(name, "SECRET")
			if secret && len(value) > 8 && strings.Contains(html, value) {
				t.Errorf("the page has %s of the %s", name, role)
			}
		}
	}
	// The block of the reactor runs as it is copied.
	command := ask[string](t, b, "document.querySelector('section[aria-label=reactor] [data-copy]').dataset.copy")
	if r := c.Shell(t, "owner", command); r.Code != 0 || !strings.Contains(r.Stdout, "bitcoin") {
		t.Errorf("%s: %s", command, r)
	}
	// An object leads to its trace where a viewer is configured.
	b.visit(t, c.address+"/bronze")
	key := ask[string](t, b, `fetch("/api/v1/now").then(r => r.json()).then(s => s.objects[0].key)`)
	b.visit(t, c.address+"/bronze/object?key="+url.QueryEscape(key))
	b.until(t, "the trace is linked", `[...document.links].some(a => /16686\/trace\/[0-9a-f]{32}$/.test(a.href))`)
}

// Names of assets come from others, and a person pastes the command of a page into a shell.
func TestTheCommandOfAPageIsOneCommand(t *testing.T) {
	c := start(t)
	c.fill(t)
	b := open(t)
	for _, page := range []string{"/lineage?table=gold.rankings&key=%s&key=2025-06-30", "/sql?sql=%s", "/search?q=%s"} {
		const name = `'; echo caught; echo '$(echo caught)`
		b.visit(t, c.address+fmt.Sprintf(page, url.QueryEscape(name)))
		command := ask[string](t, b, "document.querySelector('.foot code')?.innerText ?? ''")
		r := c.Shell(t, "owner", "set -- "+command+"; printf '%s\\n' \"$#\" \"$@\"")
		if command == "" || r.Code != 0 || !strings.Contains(r.Stdout, name) || strings.Contains(r.Stdout, "\ncaught\n") || strings.HasPrefix(r.Stdout, "caught") {
			t.Errorf("the command of %s is %s: %s", page, command, r)
		}
	}
}
