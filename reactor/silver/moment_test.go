package silver

import (
	"testing"
	"time"
)

func TestWhatToolsWriteForATime(t *testing.T) {
	noon := time.Date(2023, 11, 14, 12, 30, 0, 0, time.UTC)
	day := time.Date(2023, 11, 14, 0, 0, 0, 0, time.UTC)
	micro := noon.Add(123456 * time.Microsecond)
	for text, want := range map[string]time.Time{
		"2023-11-14":                        day,                              // Python's date, DATE
		"2023-11-14 12:30:00":               noon,                             // str(datetime), Polars, SQL
		"2023-11-14T12:30:00":               noon,                             // isoformat
		"2023-11-14 12:30:00.123456":        micro,                            // str(datetime)
		"2023-11-14T12:30:00.123456":        micro,                            // isoformat
		"2023-11-14T12:30:00.000":           noon,                             // pandas' to_json(date_format="iso")
		"2023-11-14 12:30:00.123456789":     noon.Add(123456789),              // pandas' Timestamp
		"2023-11-14 12:30:00,123":           noon.Add(123e6),                  // Python's logging
		"2023-11-14T12:30:00Z":              noon,                             // RFC 3339
		"2023-11-14 12:30:00Z":              noon,                             //
		"2023-11-14 12:30:00+00:00":         noon,                             // str of an aware datetime
		"2023-11-14T14:30:00+02:00":         noon,                             // isoformat of one
		"2023-11-14 12:30:00+00":            noon,                             // PostgreSQL, DuckDB
		"2023-11-14 07:30:00.123456-05":     micro,                            //
		"2023-11-14T12:30:00.000+0000":      noon,                             // Spark's older JSON
		"2023-11-14 12:30:00 UTC":           noon,                             // BigQuery
		"2023-11-14 12:30:00.123456 UTC":    micro,                            //
		"2023-11-14 12:30:00 GMT":           noon,                             //
		"2023-11-14 12:30:00 +0000 UTC":     noon,                             // Go's String
		"2023-11-14 13:30:00 +0100":         noon,                             // Ruby
		"2023-11-14T12:30":                  noon,                             // isoformat(timespec="minutes")
		"2023-11-14T12:30Z":                 noon,                             //
		"2023-11-14T12:30+00:00":            noon,                             //
		"Tue, 14 Nov 2023 12:30:00 GMT":     noon,                             // HTTP
		"Tue, 14 Nov 2023 13:30:00 +0100":   noon,                             // mail
		"2023-11-14T00:00:00.000000000Z":    day,                              //
		"2024-02-29":                        day.AddDate(0, 3, 15),            // a leap day
		"2023-11-14 23:59:59.999999999 UTC": day.AddDate(0, 0, 1).Add(-1),     //
		"2023-11-14 00:00:00-12:00":         day.Add(12 * time.Hour),          //
		"2023-11-14T12:30:00.1Z":            noon.Add(100 * time.Millisecond), //
	} {
		if got, ok := parseMoment([]byte(text)); !ok || !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%q is %s (%v), want %s", text, got, ok, want)
		}
	}
}

func TestWhatCouldBeTwoMoments(t *testing.T) {
	for _, text := range []string{
		"", "now", "2023", "2023-11", "2023-13-01", "2023-02-29", "11/14/2023", "14.11.2023", "14/11/23", "2023/11/14", "2023-11-14T", "2023-11-14 ", "2023-11-14T25:00",
		"2023-11-14 12:30:00 EST", "2023-11-14 12:30:00 CET", "2023-11-14 12:30:00 +0100 CET", "2023-11-14 12:30:00 +0100 UTC", "Tue, 14 Nov 2023 12:30:00 EST",
		"2023-11-14 12:30:00 PM", "2023-11-14 12", "2023-11-14x12:30", "2023-11-14 UTC", "12:30:00", "20231114T123000Z", "2023-11-14T12:30:00+25:00", "-2023-11-14", "２０２３-11-14",
	} {
		if got, ok := parseMoment([]byte(text)); ok {
			t.Errorf("%q is %s, want none", text, got)
		}
	}
}
