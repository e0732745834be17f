package harness

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// GoldTables are those that millrace brings itself, in the order of their computation.
var GoldTables = []string{"gold.daily_summary", "gold.rolling_averages", "gold.rankings", "gold.market_summary"}

// SilverTables are what gold is computed from, and the refused rows.
var SilverTables = []string{"silver.asset_snapshots", "silver.asset_prices", "silver.rejected"}

// Tables are all of them.
var Tables = slices.Concat(SilverTables, GoldTables)

// Contents is all that tables hold, lineage included, as text by table; two tables are equal when their texts are.
func (l *Lake) Contents(t testing.TB, tables ...string) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, table := range tables {
		texts[table] = l.CSV(t, "from "+table+" order by all")
	}
	return texts
}

// SameContents fails the test for each table that holds other rows than before. when says what has happened since.
func (l *Lake) SameContents(t testing.TB, when string, before map[string]string) {
	t.Helper()
	for table, want := range before {
		if got := l.Contents(t, table)[table]; got != want {
			t.Errorf("%s: %s is not what it was:\n%s", when, table, Difference(want, got))
		}
	}
}

// Difference shows the first lines that only one of two texts has.
func Difference(a, b string) string {
	var out strings.Builder
	show := func(sign, these, those string) {
		there := map[string]bool{}
		for line := range strings.Lines(those) {
			there[line] = true
		}
		shown := 0
		for line := range strings.Lines(these) {
			if !there[line] && shown < 5 {
				out.WriteString(sign + line)
				shown++
			}
		}
	}
	show("- ", a, b)
	show("+ ", b, a)
	return out.String()
}

// Sizes are the numbers of rows in gold's tables.
func (l *Lake) Sizes(t testing.TB, flags ...string) map[string]int {
	t.Helper()
	var parts []string
	for _, table := range GoldTables {
		parts = append(parts, fmt.Sprintf("select '%[1]s' as name, count(*) as n from %[1]s", table))
	}
	n := map[string]int{}
	for _, row := range Query[struct {
		Name string
		N    int
	}](t, l, strings.Join(parts, " union all "), flags...) {
		n[row.Name] = row.N
	}
	return n
}

// GoldSizes are the rows of gold's tables when so many days of assets have a price, and so many days have any.
func GoldSizes(assetDays, days int) map[string]int {
	return map[string]int{"gold.daily_summary": assetDays, "gold.rolling_averages": assetDays, "gold.rankings": assetDays, "gold.market_summary": days}
}

// Snapshot is a line of `reactor snapshots`.
type Snapshot struct {
	Snapshot    int64
	CommittedAt time.Time `json:"committed_at"`
	Operation   string
	AddedRows   int    `json:"added_rows"`
	TotalRows   int    `json:"total_rows"`
	MadeBy      string `json:"made_by"`
}

// Snapshots lists those of a table, the oldest first.
func (l *Lake) Snapshots(t testing.TB, table string) []Snapshot {
	t.Helper()
	return Rows[Snapshot](t, l, "snapshots", table)
}

// Current is the snapshot of each table by `reactor tables`; a table that stays as it was keeps its own.
func (l *Lake) Current(t testing.TB) map[string]int64 {
	t.Helper()
	ids := map[string]int64{}
	for _, row := range Rows[struct {
		Table    string
		Snapshot *int64
	}](t, l, "tables") {
		if row.Snapshot != nil {
			ids[row.Table] = *row.Snapshot
		}
	}
	return ids
}
