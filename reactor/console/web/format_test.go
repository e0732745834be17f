package web

import (
	"testing"
	"time"
)

func TestValuesAreShownForPeople(t *testing.T) {
	n := int64(1234567)
	for _, tt := range []struct{ got, want any }{
		{count(0), "0"}, {count(999), "999"}, {count(1000), "1\u202f000"}, {count(&n), "1\u202f234\u202f567"}, {count(-1234), "-1\u202f234"}, {count(uint64(10000)), "10\u202f000"},
		{took(-1), "0 ms"}, {took(84 * time.Millisecond), "84 ms"}, {took(1200 * time.Millisecond), "1.2 s"}, {took(90 * time.Second), "90 s"}, {took(5 * time.Minute), "5 min"}, {took(30 * time.Hour), "30 h"}, {took(100 * time.Hour), "4 d"},
		{ago(time.Time{}), "never"},
		{string(at(time.Time{})), "–"},
		{string(at(time.Date(2026, 11, 29, 1, 2, 3, 4e6, time.FixedZone("", 3600)))), `<time datetime="2026-11-29T00:02:03.004Z">2026-11-29 00:02:03</time>`},
		{size(-1), "0 B"}, {size(3400), "3.4 kB"},
		{string(cell(nil)), `<span class="null">null</span>`}, {string(cell("<b>")), "&lt;b&gt;"}, {string(cell(0.1)), "0.1"}, {string(cell([]any{"<", nil})), `[&#34;\u003c&#34;,null]`},
		{share(0.0123), "+1.23 %"}, {share(-1.0), "-100.00 %"}, {share(nil), "–"}, {percent(51.234), "51.23 %"}, {percent("x"), "–"},
		{whole("12345.678"), "12\u202f345"}, {whole(nil), "–"}, {string(marked("do `a <b>` & go")), "do <code>a &lt;b&gt;</code> &amp; go"}, {string(marked("`<")), "`&lt;"}, {id(0), "empty"}, {id(7), "7"},
	} {
		if tt.got != tt.want {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
	}
}
