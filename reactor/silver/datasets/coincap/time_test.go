package coincap_test

import (
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"millrace/reactor/silver/silvertest"
)

// A d1 point's natural time is a date. Whatever form it has, it is midnight UTC.
func TestDatesAsTimes(t *testing.T) {
	day := "2025-04-27T00:00:00Z"
	for name, point := range map[string]string{
		"a date":                  `{"priceUsd":"1","time":"2025-04-27"}`,
		"Python's datetime":       `{"priceUsd":"1","time":"2025-04-27 00:00:00"}`,
		"pandas' Timestamp":       `{"priceUsd":"1","time":"2025-04-27 00:00:00+00:00"}`,
		"a date alone":            `{"priceUsd":"1","date":"2025-04-27"}`,
		"both, as a date":         `{"priceUsd":"1","time":1745712000000,"date":"2025-04-27"}`,
		"milliseconds, as before": `{"priceUsd":"1","time":"1745712000000"}`,
	} {
		s, err := silvertest.Decode(t, coincap.History, silvertest.Source(coincap.History, "bitcoin_d1_x.json"), []byte(history(point)))
		if err != nil || len(s.Good) != 1 || s.Good[0]["observed_at"] != day {
			t.Errorf("%s: %v, %v", name, s, err)
		}
	}
	for name, column := range map[string]struct {
		kind arrow.DataType
		add  func(array.Builder)
	}{
		"DATE":                     {arrow.FixedWidthTypes.Date32, func(b array.Builder) { b.(*array.Date32Builder).Append(20205) }},
		"a timestamp without zone": {&arrow.TimestampType{Unit: arrow.Microsecond}, func(b array.Builder) { b.(*array.TimestampBuilder).Append(1745712000000000) }},
		"text":                     {arrow.BinaryTypes.String, func(b array.Builder) { b.(*array.StringBuilder).Append("2025-04-27") }},
	} {
		schema := schemaOf(arrow.Field{Name: "priceUsd", Type: arrow.BinaryTypes.String}, arrow.Field{Name: "time", Type: column.kind})
		body := parquetOf(t, schema, func(b *array.RecordBuilder) {
			b.Field(0).(*array.StringBuilder).Append("1")
			column.add(b.Field(1))
		})
		s, err := silvertest.Decode(t, coincap.History, silvertest.Source(coincap.History, "bitcoin_d1_x.parquet"), body)
		if err != nil || len(s.Good) != 1 || s.Good[0]["observed_at"] != day {
			t.Errorf("Parquet's %s: %v, %v", name, s, err)
		}
	}
}

// A number is milliseconds, as the API's contract says. Another unit is refused, and the reason names it.
func TestOtherUnitsAreRefused(t *testing.T) {
	for point, want := range map[string]string{
		`{"priceUsd":"1","time":1745712000}`:          "it looks like seconds",
		`{"priceUsd":"1","time":1745712000000000}`:    "it looks like microseconds",
		`{"priceUsd":"1","time":1745712000000000000}`: "it looks like nanoseconds",
	} {
		s, err := silvertest.Decode(t, coincap.History, silvertest.Source(coincap.History, "bitcoin_d1_x.json"), []byte(history(point)))
		if err != nil || len(s.Refused) != 1 || !strings.Contains(s.Refused[0]["reason"], want) {
			t.Errorf("%s: %v, %v; want %s", point, s, err, want)
		}
	}
}
