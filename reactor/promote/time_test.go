package promote

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"millrace/reactor/duck"
	"millrace/reactor/gold"
	"millrace/reactor/gold/plan"
	"millrace/reactor/lake"
)

// SQL and Go must put a row into the same month and day, whatever the session's time zone.
func TestMonthsAndDaysOfTimesAreThoseOfUTC(t *testing.T) {
	conn, done, err := duck.OpenConn(duck.Config{Threads: 1, Unlocked: true}) // to set the zone
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	if err := conn.Exec(t.Context(), "set TimeZone = 'America/New_York'"); err != nil {
		t.Fatal(err)
	}
	first, last := time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro(), time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	rapid.Check(t, func(t *rapid.T) {
		at := time.UnixMicro(rapid.Int64Range(first, last).Draw(t, "µs")).UTC()
		if rapid.Bool().Draw(t, "at the end of a month") {
			at = time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(-1, 1).Draw(t, "off")) * time.Microsecond)
		}
		day, err := plan.ParseDay(at.Format(time.DateOnly))
		if err != nil {
			t.Fatal(err)
		}
		got, err := conn.Ints(t.Context(), fmt.Sprintf(
			"select unnest([%s, %s, %s - date '1970-01-01']) from (select make_timestamptz(%d) as observed_at, date '%s' as day)",
			lake.MonthSQL("observed_at"), lake.MonthSQL("day"), gold.SilverDay, at.UnixMicro(), day))
		if err != nil {
			t.Fatal(err)
		}
		if month := int64(day.Month()); got[0] != month || got[1] != month || got[2] != int64(day) {
			t.Fatalf("%s: %v, want month %d, the same of its day, and day %d", at, got, month, day)
		}
	})
}
