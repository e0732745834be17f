//go:build console

package console

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

const (
	// pageBytes is how many bytes a page may load with all that belongs to it, packed, and sqlPageBytes the page with the editor.
	pageBytes, sqlPageBytes = 100 << 10, 250 << 10
	// latestPaint is generous: the machine of the tests has other work. The goal is 300 ms.
	latestPaint = 3 * time.Second
)

// Whoever opens a page for the first time waits for all of its bytes, and sees something soon.
func TestPagesAreLightAndSoonThere(t *testing.T) {
	c := start(t)
	c.fill(t)
	b := open(t)
	b.do(t, "forget what was loaded", func(ctx context.Context, target *chromedp.Target) (none chromedp.Void, err error) {
		if _, err = cdp.Call(ctx, target, network.Enable, network.EnableParams{}); err != nil {
			return none, err
		}
		_, err = cdp.Call(ctx, target, network.SetCacheDisabled, network.SetCacheDisabledParams{CacheDisabled: true})
		return none, err
	})
	for _, page := range pages() {
		b.visit(t, c.address+page)
		b.until(t, "all of it is there", "document.readyState === 'complete' && [...document.querySelectorAll('[data-chart]')].every(e => e.querySelector('canvas') || e.closest('details:not([open])')) && performance.getEntriesByName('first-contentful-paint').length > 0")
		weight := ask[float64](t, b, "performance.getEntriesByType('navigation').concat(performance.getEntriesByType('resource')).reduce((sum, e) => sum + e.transferSize, 0)")
		paint := time.Duration(ask[float64](t, b, "Math.max(...performance.getEntriesByName('first-contentful-paint').map(e => e.startTime))") * float64(time.Millisecond))
		files := ask[string](t, b, "performance.getEntriesByType('resource').map(e => e.name.replace(location.origin, '') + ' ' + e.transferSize).join(', ')")
		most := float64(pageBytes)
		if strings.HasPrefix(page, "/sql") {
			most = sqlPageBytes
		}
		t.Logf("%s: %.1f KiB, first paint after %v", page, weight/1024, paint.Round(time.Millisecond))
		if weight > most || weight == 0 {
			t.Errorf("%s loads %.0f bytes, and may load %.0f: %s", page, weight, most, files)
		}
		if paint > latestPaint || paint <= 0 {
			t.Errorf("%s is there after %v", page, paint)
		}
	}
}
