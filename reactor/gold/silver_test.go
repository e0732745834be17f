package gold

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow/array"

	"millrace/reactor/duck"
	"millrace/reactor/gold/plan"
)

// sample is a row of a silver table: of asset_snapshots if interval is empty, else of asset_prices. Numbers are decimal texts,
// empty for null.
type sample struct {
	asset, interval    string
	at                 time.Time
	key                string
	price, cap, volume string
}

func (s sample) day() plan.Day { return plan.Day(s.at.Unix() / 86400) }

func (s sample) table() string {
	if s.interval == "" {
		return "silver.asset_snapshots"
	}
	return "silver.asset_prices"
}

// id returns the row's key in its table.
func (s sample) id() string { return s.asset + "|" + s.interval + "|" + s.at.Format(time.RFC3339Nano) }

// load fills the two tables with exactly the given rows, in the given order.
func load(t testing.TB, c *duck.Conn, samples []sample) {
	t.Helper()
	exec(t, c, "truncate silver.asset_snapshots; truncate silver.asset_prices")
	var snapshots, prices []string
	literal := func(s string) string {
		if s == "" {
			return "null"
		}
		return duck.Quote(s)
	}
	for _, s := range samples {
		if s.interval == "" {
			snapshots = append(snapshots, fmt.Sprintf("(%s, timestamptz '%s', %s, %s::decimal(38,28), %s::decimal(38,18), %s::decimal(38,18))",
				duck.Quote(s.asset), s.at.UTC().Format("2006-01-02 15:04:05.999999+00"), duck.Quote(s.key), literal(s.price), literal(s.cap), literal(s.volume)))
		} else {
			prices = append(prices, fmt.Sprintf("(%s, %s, timestamptz '%s', %s, %s::decimal(38,28))",
				duck.Quote(s.asset), duck.Quote(s.interval), s.at.UTC().Format("2006-01-02 15:04:05.999999+00"), duck.Quote(s.key), literal(s.price)))
		}
	}
	insert := func(table, columns string, values []string) {
		for part := range slices.Chunk(values, 2000) {
			exec(t, c, fmt.Sprintf("insert into %s by name select * from (values %s) v(%s)", table, strings.Join(part, ","), columns))
		}
	}
	insert("silver.asset_snapshots", "asset_id, observed_at, source_key, price_usd, market_cap_usd, volume_usd_24h", snapshots)
	insert("silver.asset_prices", "asset_id, interval, observed_at, source_key, price_usd", prices)
}

// span returns the first and last day of the samples.
func span(samples []sample) plan.Range {
	var days []plan.Day
	for _, s := range samples {
		days = append(days, s.day())
	}
	r, ok := plan.Only(days...).Hull()
	if !ok {
		return plan.Range{From: 0, To: -1}
	}
	return r
}

// dump returns a table's rows as text, doubles to the last bit, in the order of the grain.
func dump(t testing.TB, c *duck.Conn, m *Model, of string) []string {
	t.Helper()
	var out []string
	for _, r := range relation(t, c, fmt.Sprintf("select %s from %s order by %s", duck.Identifiers("", columnNames(m)), of, strings.Join(m.Grain, ", "))) {
		parts := make([]string, len(m.Columns))
		for i, col := range m.Columns {
			v := r[col.Name]
			if f, ok := v.(float64); ok {
				v = fmt.Sprintf("%v(%016x)", f, math.Float64bits(f))
			}
			parts[i] = fmt.Sprintf("%s=%v", col.Name, v)
		}
		out = append(out, strings.Join(parts, " "))
	}
	return out
}

// relation returns rows as maps. Values are float64, int64 or, for all else, text; nil for null.
func relation(t testing.TB, c *duck.Conn, sql string) []map[string]any {
	t.Helper()
	rows, err := c.Query(t.Context(), sql)
	if err != nil {
		t.Fatalf("%s\n%v", sql, err)
	}
	defer rows.Close()
	var out []map[string]any
	for b, err := range rows.All() {
		if err != nil {
			t.Fatal(err)
		}
		for r := range int(b.NumRows()) {
			row := map[string]any{}
			for i := range int(b.NumCols()) {
				var v any
				switch col := b.Column(i).(type) {
				case *array.Float64:
					v = col.Value(r)
				case *array.Int64:
					v = col.Value(r)
				default:
					v = strings.Clone(col.ValueStr(r))
				}
				if b.Column(i).IsNull(r) {
					v = nil
				}
				row[b.ColumnName(i)] = v
			}
			out = append(out, row)
		}
	}
	return out
}

// randomSamples draws what CoinCap can send and worse: holes, equal prices and caps, nulls, several intervals, several
// snapshots a day, prices over nineteen orders of magnitude.
func randomSamples(r *rand.Rand, assets, days int) []sample {
	var out []sample
	start := time.Date(2023, 12, 20, 0, 0, 0, 0, time.UTC)
	for a := range assets {
		name := fmt.Sprintf("coin-%c", 'a'+a)
		price := math.Pow(10, float64(r.IntN(19)-9))
		for d := range days {
			price *= math.Exp(r.NormFloat64() * 0.05)
			midnight := start.AddDate(0, 0, d)
			text := func() string {
				switch r.IntN(12) {
				case 0:
					return ""
				case 1:
					return "1.5" // ties
				}
				return fmt.Sprintf("%.*f", 8+r.IntN(20), price*(1+r.Float64()/100))
			}
			amount := func() string {
				switch r.IntN(6) {
				case 0:
					return ""
				case 1:
					return "1000000"
				}
				return fmt.Sprintf("%.18f", r.Float64()*1e9)
			}
			if r.IntN(10) > 0 {
				out = append(out, sample{asset: name, interval: "d1", at: midnight, key: fmt.Sprintf("h%d", d/7), price: text()})
			}
			if r.IntN(4) == 0 {
				for h := range r.IntN(4) {
					out = append(out, sample{asset: name, interval: []string{"h1", "m30", "h2"}[r.IntN(3)], at: midnight.Add(time.Duration(h) * time.Hour), key: fmt.Sprintf("i%d", d), price: text()})
				}
			}
			if r.IntN(3) > 0 {
				for n := range r.IntN(4) {
					out = append(out, sample{asset: name, at: midnight.Add(time.Duration(n*5+r.IntN(5)) * time.Hour), key: fmt.Sprintf("s%d", r.IntN(100)),
						price: text(), cap: amount(), volume: amount()})
				}
			}
		}
	}
	// silver has each key once.
	seen := map[string]bool{}
	return slices.DeleteFunc(out, func(s sample) bool {
		twice := seen[s.id()]
		seen[s.id()] = true
		return twice
	})
}

func columnNames(m *Model) []string {
	var names []string
	for _, c := range m.Columns {
		names = append(names, c.Name)
	}
	return names
}
