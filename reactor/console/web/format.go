package web

import (
	"fmt"
	"html/template"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"millrace/infra/cli"
)

// functions are those that the markup of every page may call.
var functions = template.FuncMap{
	"last": func(ids []int64) int { return len(ids) - 1 },
	"at":   at, "ago": ago, "count": count, "size": size, "took": took, "cell": cell, "td": td, "price": price, "orNone": orNone, "id": id, "join": strings.Join, "share": share, "percent": percent, "whole": whole, "marked": marked,
}

// at shows a time in UTC; the browser adds the local one on hover.
func at(t time.Time) template.HTML {
	if t.IsZero() {
		return "–"
	}
	u := t.UTC()
	return template.HTML(fmt.Sprintf(`<time datetime="%s">%s</time>`, u.Format(time.RFC3339Nano), u.Format("2006-01-02 15:04:05"))) //nolint:gosec // digits
}

// ago shows how long ago something was.
func ago(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return took(time.Since(t)) + " ago"
}

// took shows a duration with two digits that matter: 84 ms, 1.2 s, 3 min, 5 h, 12 d.
func took(d time.Duration) string {
	switch {
	case d < 0:
		return "0 ms"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	case d < 48*time.Hour:
		return fmt.Sprintf("%.0f h", d.Hours())
	}
	return fmt.Sprintf("%.0f d", d.Hours()/24)
}

// count shows a whole number, of whichever type, in groups of three digits.
func count(n any) string {
	if v := reflect.ValueOf(n); v.Kind() == reflect.Pointer {
		n = v.Elem().Interface()
	}
	digits := fmt.Sprint(n)
	var b strings.Builder
	for i, r := range digits {
		if i > 0 && r != '-' && (len(digits)-i)%3 == 0 && digits[i-1] != '-' {
			b.WriteRune('\u202f') // a narrow space that no line breaks at
		}
		b.WriteRune(r)
	}
	return b.String()
}

// size shows bytes: 812 B, 3.4 kB, 12 MB.
func size(n int64) string { return humanize.Bytes(uint64(max(0, n))) } //nolint:gosec // not negative

// cell shows a value of a table of the lake: every digit that it has.
func cell(v any) template.HTML {
	switch v := v.(type) {
	case nil:
		return `<span class="null">null</span>`
	case time.Time:
		return at(v)
	}
	return template.HTML(template.HTMLEscapeString(cli.Text(v))) //nolint:gosec // escaped
}

// unbroken is how long a text may be that stays on one line in a table: days, names of assets.
const unbroken = 40

// price shows an amount of money with eight digits that matter, two behind the point at the least; the title has all that there are.
func price(v any) template.HTML {
	text := cli.Text(v)
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return "–"
	}
	decimals := 2
	for limit := 100_000.0; limit > 1e-6 && math.Abs(f) < limit; limit /= 10 {
		decimals++
	}
	rounded := strconv.FormatFloat(f, 'f', decimals, 64)
	digits, fraction, _ := strings.Cut(rounded, ".")
	return template.HTML(fmt.Sprintf(`<span title="%s">%s.%s</span>`, template.HTMLEscapeString(text), count(digits), fraction)) //nolint:gosec // escaped
}

// orNone shows a value, and a dash where there is none.
func orNone(v any) template.HTML {
	if v == nil {
		return "–"
	}
	return cell(v)
}

// td shows a value as a cell of a table. Numbers stand on the right, so that their digits stand below each other.
func td(number bool, v any) template.HTML {
	if number {
		return `<td class="n">` + cell(v) + "</td>"
	}
	if text, is := v.(string); is && len(text) <= unbroken {
		return `<td class="w">` + cell(v) + "</td>"
	}
	return "<td>" + cell(v) + "</td>"
}

// share shows a fraction as a change in percent, and percent a value that is one already.
func share(v any) string {
	f, ok := v.(float64)
	if !ok {
		return "–"
	}
	return fmt.Sprintf("%+.2f %%", 100*f)
}

func percent(v any) string {
	f, ok := v.(float64)
	if !ok {
		return "–"
	}
	return fmt.Sprintf("%.2f %%", f)
}

// whole shows an amount without what is behind its point.
func whole(v any) string {
	digits, _, _ := strings.Cut(cli.Text(v), ".")
	if digits == "" {
		return "–"
	}
	return count(digits)
}

// marked shows a text with its commands, which stand between backticks, as code.
func marked(text string) template.HTML {
	parts := strings.Split(text, "`")
	if len(parts)%2 == 0 { // a backtick that belongs to the text
		return template.HTML(template.HTMLEscapeString(text)) //nolint:gosec // escaped
	}
	var b strings.Builder
	for i, part := range parts {
		if part = template.HTMLEscapeString(part); i%2 == 1 {
			part = "<code>" + part + "</code>"
		}
		b.WriteString(part)
	}
	return template.HTML(b.String()) //nolint:gosec // escaped
}

// id shows the number of a snapshot: zero is the empty table.
func id(n int64) string {
	if n == 0 {
		return "empty"
	}
	return strconv.FormatInt(n, 10)
}
