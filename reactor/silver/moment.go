package silver

import (
	"strings"
	"time"
)

// parseMoment reads a time that is written out: RFC 3339 as APIs write it, and what people's tools make of a date or a
// datetime. A text without a zone is UTC, as all days here are; one that could be two moments is none.
func parseMoment(text []byte) (time.Time, bool) {
	var t time.Time
	if t.UnmarshalText(text) == nil {
		return t.UTC(), true
	}
	s := string(text)
	for _, layout := range []string{
		time.DateOnly,                   // Python's date, Parquet's and DuckDB's DATE: midnight
		"Mon, 02 Jan 2006 15:04:05 GMT", // HTTP
		time.RFC1123Z,                   // mail
	} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	return parseDatetime(s)
}

// parseDatetime reads a date and a time of day with T or a blank between them, with or without seconds and a zone: Python's
// str and isoformat, pandas, Polars, Spark, SQL's timestamps, and Go's String.
func parseDatetime(s string) (time.Time, bool) {
	const date = len(time.DateOnly)
	if len(s) <= date || s[date] != 'T' && s[date] != ' ' {
		return time.Time{}, false
	}
	rest, named := strings.CutSuffix(s, "UTC")
	if !named {
		rest, named = strings.CutSuffix(s, "GMT")
	}
	rest = strings.TrimSuffix(rest, " ")
	layout := "2006-01-02" + s[date:date+1] + "15:04"
	clock, zone := rest[min(date+1, len(rest)):], ""
	if i := strings.IndexAny(clock, "Z+-"); i >= 0 {
		clock, zone = clock[:i], clock[i:]
	}
	if strings.Count(clock, ":") == 2 {
		layout += ":05"
	}
	if zone == "" {
		t, err := time.Parse(layout, rest)
		return t, err == nil
	}
	if strings.HasSuffix(clock, " ") {
		layout += " "
	}
	for _, form := range []string{"Z07:00", "Z0700", "Z07"} {
		if t, err := time.Parse(layout+form, rest); err == nil {
			_, offset := t.Zone()
			return t.UTC(), !named || offset == 0
		}
	}
	return time.Time{}, false
}
