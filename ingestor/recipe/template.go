package recipe

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"millrace/ingestor/bronze"
)

// Values are what placeholders stand for.
type Values struct {
	Day  bronze.Day
	Item string
}

// Secret is a value of the environment: ${NAME}, or ${NAME?} for one that may be unset.
type Secret struct {
	Name     string
	Optional bool
}

// Template is a text with placeholders such as {item} and secrets such as ${API_KEY}.
type Template struct{ parts []part }

// part is a literal, a placeholder or a secret.
type part struct {
	literal, placeholder string
	secret               Secret
}

var inTemplate = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)(\??)\}|\{([a-z_]+)\}`)

// parse reads a template. The error names what is no placeholder, and those there are.
func parse(text string) (Template, error) {
	var t Template
	rest := 0
	for _, m := range inTemplate.FindAllStringSubmatchIndex(text, -1) {
		if m[0] > rest {
			t.parts = append(t.parts, part{literal: text[rest:m[0]]})
		}
		if rest = m[1]; m[2] >= 0 {
			t.parts = append(t.parts, part{secret: Secret{Name: text[m[2]:m[3]], Optional: m[4] < m[5]}})
			continue
		}
		name := text[m[6]:m[7]]
		if !known(name) {
			return t, fmt.Errorf("{%s} stands for nothing: known are %s", name, strings.Join(Placeholders(), ", "))
		}
		t.parts = append(t.parts, part{placeholder: name})
	}
	if rest < len(text) {
		t.parts = append(t.parts, part{literal: text[rest:]})
	}
	return t, nil
}

// days and instants are what a placeholder's first word says: a day, and an instant of it. last and before are the last one of a
// unit, since many APIs include the end that they are asked for.
var (
	days     = []string{"day", "next_day", "previous_day", "year", "month", "day_of_month"}
	instants = []string{"from", "to", "last", "before"}
	units    = []string{"s", "ms", "us", "ns", "iso"}
)

// Placeholders are all there are, as a template has them.
func Placeholders() []string {
	all := []string{"{item}"}
	for _, d := range days {
		all = append(all, "{"+d+"}")
	}
	return append(all, "{from_s}, {to_s}, {last_s} and {before_s}, with _ms, _us, _ns and _iso as well")
}

func known(name string) bool {
	if name == "item" || slices.Contains(days, name) {
		return true
	}
	instant, unit, ok := strings.Cut(name, "_")
	return ok && slices.Contains(instants, instant) && slices.Contains(units, unit)
}

// value of a placeholder.
func (v Values) value(name string) string {
	start := v.Day.Start()
	switch name {
	case "item":
		return v.Item
	case "day":
		return v.Day.String()
	case "next_day":
		return start.AddDate(0, 0, 1).Format(time.DateOnly)
	case "previous_day":
		return start.AddDate(0, 0, -1).Format(time.DateOnly)
	case "year":
		return start.Format("2006")
	case "month":
		return start.Format("01")
	case "day_of_month":
		return start.Format("02")
	}
	instant, unit, _ := strings.Cut(name, "_")
	at, one := start, time.Second
	switch unit {
	case "ms":
		one = time.Millisecond
	case "us":
		one = time.Microsecond
	case "ns":
		one = time.Nanosecond
	}
	switch instant {
	case "to":
		at = start.AddDate(0, 0, 1)
	case "last":
		at = start.AddDate(0, 0, 1).Add(-one)
	case "before":
		at = start.Add(-one)
	}
	switch unit {
	case "s":
		return strconv.FormatInt(at.Unix(), 10)
	case "ms":
		return strconv.FormatInt(at.UnixMilli(), 10)
	case "us":
		return strconv.FormatInt(at.UnixMicro(), 10)
	case "ns":
		return strconv.FormatInt(at.UnixNano(), 10)
	}
	return at.Format(time.RFC3339)
}

// Fill puts values in the place of placeholders. Secrets are left out.
func (t Template) Fill(v Values) string { return t.fill(v, func(text string) string { return text }) }

func (t Template) fill(v Values, escape func(string) string) string {
	var b strings.Builder
	for _, p := range t.parts {
		if b.WriteString(p.literal); p.placeholder != "" {
			// A blank in a path is %20; + is one in a query alone.
			b.WriteString(strings.ReplaceAll(escape(v.value(p.placeholder)), "+", "%20"))
		}
	}
	return b.String()
}

// Reveal fills the secrets in as well. ok is false when an optional one is not set: then the whole value is left out.
func (t Template) Reveal(v Values, lookup func(name string) string) (text string, ok bool) {
	var b strings.Builder
	for _, p := range t.parts {
		switch {
		case p.secret.Name != "":
			value := lookup(p.secret.Name)
			if value == "" {
				return "", false
			}
			b.WriteString(value)
		case p.placeholder != "":
			b.WriteString(v.value(p.placeholder))
		default:
			b.WriteString(p.literal)
		}
	}
	return b.String(), true
}

func (t Template) secrets() (all []Secret) {
	for _, p := range t.parts {
		if p.secret.Name != "" {
			all = append(all, p.secret)
		}
	}
	return all
}

// uses tells whether a placeholder is part of the text.
func (t Template) uses(name string) bool {
	return slices.ContainsFunc(t.parts, func(p part) bool { return p.placeholder == name })
}

// dated tells whether the text depends on the day.
func (t Template) dated() bool {
	return slices.ContainsFunc(t.parts, func(p part) bool { return p.placeholder != "" && p.placeholder != "item" })
}

// plain tells that the text is the same for each item and day, and has no secret.
func (t Template) plain() bool {
	return !slices.ContainsFunc(t.parts, func(p part) bool { return p.literal == "" })
}

// Secret tells whether the text has a secret.
func (t Template) Secret() bool { return len(t.secrets()) > 0 }
