//go:build console

package console

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"millrace/tests/harness"
	"millrace/tests/harness/coin"
	"millrace/tests/harness/metrics"
)

func asked(path, sql string) string { return path + "?sql=" + url.QueryEscape(sql) }

func TestAResultIsDrawnPagedAndDownloaded(t *testing.T) {
	c := start(t)
	c.fill(t)
	b := open(t)
	t.Run("drawn", func(t *testing.T) {
		b.visit(t, c.address+asked("/sql", "from gold.daily_summary order by day"))
		b.do(t, "open the chart", chromedp.Click(chromedp.CSS(".drawn summary")))
		// Several assets share the last days, so each has a line, of the first number.
		b.until(t, "the chart is drawn", "document.querySelector('.drawn canvas') && document.querySelector('.drawn .u-legend').innerText.includes('bitcoin')")
		b.sees(t, "open: a line for each asset_id")
		ask[bool](t, b, "window.before = true")
		// The choice leads to another page, which must not come before the answer.
		ask[bool](t, b, "(() => { const s = document.querySelector('select[name=by]'); s.value = '-'; setTimeout(() => s.dispatchEvent(new Event('change', {bubbles: true}))); return true })()")
		b.until(t, "another chart is drawn", "window.before === undefined && document.querySelector('.drawn .u-legend')?.innerText.includes('close')")
		for _, complaint := range b.complaints() {
			t.Error(complaint)
		}
	})
	t.Run("paged", func(t *testing.T) {
		const million = "select range as n from range(1000000)"
		b.visit(t, c.address+asked("/sql", million)+"&offset=999800")
		b.sees(t, "Rows 999\u202f801 to 1\u202f000\u202f000")
		b.sees(t, "The query has no order by")
		if text := b.text(t); !strings.Contains(text, "999999") || strings.Contains(text, "next →") {
			t.Errorf("the last page shows\n%s", text)
		}
	})
	t.Run("downloaded", func(t *testing.T) {
		const sql = "from gold.daily_summary order by asset_id, day"
		n := c.Count(t, "select count(*) as n from gold.daily_summary")
		if lines := bytes.Count(c.body(t, asked("/sql.csv", sql)), []byte("\n")); lines != n+1 {
			t.Errorf("the CSV has %d lines, want %d and the names", lines, n)
		}
		rows, err := file.NewParquetReader(bytes.NewReader(c.body(t, asked("/sql.parquet", sql))))
		if err != nil {
			t.Fatal(err)
		}
		if rows.NumRows() != int64(n) {
			t.Errorf("the Parquet file has %d rows, want %d", rows.NumRows(), n)
		}
	})
	t.Run("kept", func(t *testing.T) {
		b.visit(t, c.address+"/sql")
		b.do(t, "write", chromedp.WaitVisible(chromedp.CSS(".cm-content")), chromedp.Click(chromedp.CSS(".cm-content")), chromedp.SendKeys(chromedp.CSS(".cm-content"), "select 41 + 1 as answer"))
		b.submit(t, "button.first", nil)
		b.sees(t, "42")
		b.until(t, "the query is kept", "document.querySelector('#history').innerText.includes('41 + 1')")
		b.do(t, "forget it", chromedp.Click(chromedp.CSS("[data-forget]")))
		b.visit(t, c.address+"/sql")
		b.until(t, "nothing is kept", "document.querySelector('.cm-content') && document.querySelector('#history').children.length === 0")
	})
}

// body is what an address answers.
func (c console) body(t *testing.T, path string) []byte {
	t.Helper()
	r, err := http.Get(c.address + path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	body, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%s answers %s, %v: %s", path, r.Status, err, body)
	}
	return body
}

func TestAQueryIsCancelled(t *testing.T) {
	c := start(t)
	b := open(t)
	running := func() float64 {
		families, err := metrics.Scrape(t.Context(), c.address+"/metrics", "")
		if err != nil {
			t.Fatal(err)
		}
		return families.Values()["millrace_console_queries{}"]
	}
	b.visit(t, c.address+asked("/sql", "select 1 as first"))
	b.sees(t, "first")
	b.do(t, "write", chromedp.WaitVisible(chromedp.CSS(".cm-content")))
	// 10¹² rows: nobody waits for them.
	ask[bool](t, b, "(() => { document.querySelector('textarea').value = 'select sum(a.range * b.range) as n from range(1000000) as a, range(1000000) as b'; document.querySelector('form[data-sql]').requestSubmit(); return true })()")
	harness.Eventually(t, "the query runs", func() bool { return running() == 1 })
	// While a page is on its way the browser answers no question about the one that is there, but it takes keys.
	b.do(t, "cancel it", chromedp.KeyEvent(kb.Escape))
	began := time.Now()
	harness.Eventually(t, "the query has ended", func() bool { return running() == 0 })
	if took := time.Since(began); took > 8*time.Second { // by itself it ends after 25
		t.Errorf("the query ended %v after it was cancelled", took)
	}
	b.sees(t, "cancelled")
}

func TestTheLakeIsReadByBranchTagAndTime(t *testing.T) {
	c := start(t)
	c.fill(t)
	c.Reactor(t, "replay", "--dataset", "coincap/assets", "--branch", "again")
	c.Reactor(t, "tag", "gold.rankings", "kept")
	c.PutAndWait(t, coin.AssetsKey("later.json"), coin.Assets(coin.Day(time.July, 1), coin.Asset("bitcoin", "3.5", "100.5")), nil)
	const sql = "select max(day)::text as last from gold.rankings"
	b := open(t)
	for _, when := range []struct{ field, value, want string }{{"ref", "", "2025-07-01"}, {"ref", "again", "2025-06-30"}, {"ref", "kept", "2025-06-30"}, {"as-of", "now", "2025-07-01"}} {
		b.visit(t, c.address+asked("/sql", sql))
		b.do(t, "wait for the editor", chromedp.WaitVisible(chromedp.CSS(".cm-content")))
		b.submit(t, "button.first", map[string]string{"[name=" + when.field + "]": when.value})
		b.sees(t, when.want)
		if when.value == "" {
			continue
		}
		b.sees(t, "as of "+when.value)
		// The command of the page gives the same.
		command := ask[string](t, b, "document.querySelector('.foot code').innerText")
		if got := c.Shell(t, "owner", command); !strings.Contains(got.Stdout, when.want) {
			t.Errorf("%s prints %s", command, got)
		}
	}
	b.visit(t, c.address+asked("/sql", sql)+"&ref=again&as-of=now")
	b.sees(t, "leave one of them out")
}

// The page, the chart and both files answer by the same locks as `reactor query`.
func TestNoAddressOfSQLReachesAFile(t *testing.T) {
	c := start(t)
	out := filepath.Join(t.TempDir(), "out")
	for _, sql := range []string{
		"select * from read_csv('/etc/passwd')", "select * from read_text('/etc/passwd')", "from '/etc/passwd'", "copy (select 1) to '" + out + "'",
		"attach '" + out + "' as other", "set enable_external_access = true", "install httpfs", "load httpfs", "export database '" + out + "'",
	} {
		for _, path := range []string{"/sql", "/api/v1/sql", "/api/v1/sql-chart", "/sql.csv", "/sql.parquet"} {
			r, err := http.Get(c.address + asked(path, sql))
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(r.Body)
			if err != nil || r.Body.Close() != nil {
				t.Fatal(err)
			}
			refused := r.StatusCode == http.StatusBadRequest || strings.Contains(string(body), `class="problem`) || strings.Contains(string(body), `"error":"`)
			if !refused || strings.Contains(string(body), "root:") {
				t.Errorf("%s answers %s %s: %s", sql, path, r.Status, body)
			}
		}
	}
	if _, err := os.Stat(out); !os.IsNotExist(err) {
		t.Errorf("a query made a file: %v", err)
	}
}
