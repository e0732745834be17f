package gold

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"millrace/reactor/duck"
	"millrace/reactor/gold/plan"
)

// folder writes files and returns their folder.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const head = "-- model: gold.mine\n-- grain: asset_id, day\n-- lookback: 0 days\n"

func TestTheEmbeddedModels(t *testing.T) {
	s := loaded(t)
	var names []string
	for _, m := range s.Models {
		names = append(names, m.Name)
	}
	if want := []string{"gold.daily_summary", "gold.rolling_averages", "gold.rankings", "gold.market_summary"}; !slices.Equal(names, want) {
		t.Errorf("models %v", names)
	}
	types := map[string]string{}
	for _, m := range s.Models {
		for _, c := range m.Columns {
			types[m.Table()+"."+c.Name] = c.Type
		}
		if len(m.Digest) != 64 {
			t.Errorf("%s: digest %q", m.Name, m.Digest)
		}
	}
	for column, want := range map[string]string{
		"daily_summary.open": "DECIMAL(38,28)", "daily_summary.close": "DECIMAL(38,28)", "daily_summary.avg_price": "DOUBLE",
		"daily_summary.market_cap_usd": "DECIMAL(38,18)", "daily_summary.n_samples": "BIGINT", "daily_summary.day": "DATE",
		"daily_summary.first_observed_at": "TIMESTAMP WITH TIME ZONE", "daily_summary.source": "VARCHAR",
		"rolling_averages.sma_90": "DOUBLE", "rolling_averages.n_obs_7": "BIGINT", "rolling_averages.volatility_30d": "DOUBLE",
		"rankings.rank": "BIGINT", "rankings.rank_change_7d": "BIGINT", "rankings.dominance_pct": "DOUBLE",
		"market_summary.total_market_cap_usd": "DECIMAL(38,18)", "market_summary.hhi": "DOUBLE", "market_summary.top_gainer": "VARCHAR",
	} {
		if types[column] != want {
			t.Errorf("%s is %s, want %s", column, types[column], want)
		}
	}
	for _, a := range s.Audits {
		if _, ok := s.Model(a.Of); !ok {
			t.Errorf("audit %s is of %s", a.Name, a.Of)
		}
	}
}

func TestAModelOfOnesOwn(t *testing.T) {
	dir := folder(t, map[string]string{
		"weekly.sql":   "-- model: gold.above_average\n-- grain: day, asset_id\n-- lookback: 6 days\nselect asset_id, day, close > sma_7::decimal(38, 28) as above\nfrom gold.rolling_averages join gold.daily_summary using (asset_id, day);\n-- the end",
		"audits/a.sql": "-- audit: above_has_average\n-- of: gold.above_average\nselect * from gold.above_average where above and not above",
		"notes.txt":    "not a model",
	})
	s, err := Load(t.Context(), inputs(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	m, ok := s.Model("gold.above_average")
	if !ok || m.Lookback != 6 || !slices.Equal(m.Inputs, []string{"gold.daily_summary", "gold.rolling_averages"}) || !slices.Equal(m.Grain, []string{"day", "asset_id"}) {
		t.Fatalf("%+v", m)
	}
	at := func(name string) int {
		return slices.IndexFunc(s.Models, func(m *Model) bool { return m.Name == name })
	}
	if at(m.Name) < at("gold.rolling_averages") {
		t.Error("it comes before a model that it reads")
	}
	c := workplace(t, s, duck.Config{})
	load(t, c, []sample{{asset: "a", interval: "d1", at: at2024, key: "h", price: "1"}})
	changed := computeAll(t, s, c, span([]sample{{at: at2024}}))
	if !changed[m.Name].Equal(plan.Only(sample{at: at2024}.day())) {
		t.Errorf("changed: %v", changed)
	}
}

var at2024 = at("2024-06-01 00:00")

func TestADigestFollowsTheSQLAndWhatItReads(t *testing.T) {
	digest := func(a, b string) (string, string) {
		s, err := Load(t.Context(), inputs(t), folder(t, map[string]string{
			"a.sql": "-- model: gold.a\n-- grain: asset_id, day\n-- lookback: 0 days\n" + a,
			"b.sql": "-- model: gold.b\n-- grain: asset_id, day\n-- lookback: 0 days\n" + b,
		}))
		if err != nil {
			t.Fatal(err)
		}
		ma, _ := s.Model("gold.a")
		mb, _ := s.Model("gold.b")
		return ma.Digest, mb.Digest
	}
	a1, b1 := digest("select asset_id, day from gold.daily_summary", "select asset_id, day from gold.a")
	a2, b2 := digest("select asset_id, day from gold.daily_summary", "select asset_id, day from gold.a")
	a3, b3 := digest("select asset_id, day from gold.daily_summary where true", "select asset_id, day from gold.a")
	if a1 != a2 || b1 != b2 {
		t.Error("the same models have other digests")
	}
	if a1 == a3 || b1 == b3 {
		t.Error("a changed model, or one that reads it, has the same digest")
	}
}

func TestRefusedFiles(t *testing.T) {
	const summary = "from gold.daily_summary"
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"no header", map[string]string{"m.sql": "select 1"}, `m.sql:1: the header lacks "model"`},
		{"no lookback", map[string]string{"m.sql": "-- model: gold.m\n-- grain: day\nselect day " + summary}, `the header lacks "lookback": begin the file with a line such as ` + "`-- lookback: 0 days`"},
		{"an unknown key", map[string]string{"m.sql": "-- model: gold.m\n-- grian: day\n"}, `m.sql:2: the header cannot have the key "grian": its keys are model, grain, lookback`},
		{"a key twice", map[string]string{"m.sql": "-- model: gold.m\n-- model: gold.n\n"}, `m.sql:2: the header has "model" twice`},
		{"a name in silver", map[string]string{"m.sql": strings.Replace(head, "gold.mine", "silver.mine", 1)}, `m.sql:1: "silver.mine" cannot be a model's name`},
		{"a name with a quote", map[string]string{"m.sql": strings.Replace(head, "gold.mine", `gold."x`, 1)}, "cannot be a model's name"},
		{"a grain that is no list", map[string]string{"m.sql": strings.Replace(head, "asset_id, day", "asset_id; day", 1)}, "m.sql:2: the grain"},
		{"a grain without day", map[string]string{"m.sql": strings.Replace(head, "asset_id, day", "asset_id", 1)}, "m.sql:2: the grain lacks day"},
		{"a lookback in weeks", map[string]string{"m.sql": strings.Replace(head, "0 days", "2 weeks", 1)}, `m.sql:3: the lookback "2 weeks" is not a number of days`},
		{"a lookback of a century", map[string]string{"m.sql": strings.Replace(head, "0 days", "36500 days", 1)}, "is beyond 3660"},
		{"an embedded name", map[string]string{"m.sql": strings.Replace(head, "gold.mine", "gold.rankings", 1) + "select asset_id, day " + summary}, "the model gold.rankings is also defined in reactor/gold/models/rankings.sql"},
		{"a name twice", map[string]string{"m.sql": head + "select asset_id, day " + summary, "n.sql": head + "select asset_id, day " + summary}, "n.sql:1: the model gold.mine is also defined in"},
		{"a syntax error", map[string]string{"m.sql": head + "select asset_id,, day " + summary}, "m.sql:4: Parser Error"},
		{"two statements", map[string]string{"m.sql": head + "select asset_id, day " + summary + "; drop table x"}, "expected one statement, and the text has 2"},
		{"no select", map[string]string{"m.sql": head + "drop table silver.asset_prices"}, "is one select"},
		{"no such column", map[string]string{"m.sql": head + "select asset_id, day,\n nope " + summary}, `m.sql:5: Binder Error: Referenced column "nope"`},
		{"no such table", map[string]string{"m.sql": head + "select asset_id, day\nfrom gold.nope"}, "m.sql:5: there is no table gold.nope: there are silver.asset_prices"},
		{"no table at all", map[string]string{"m.sql": head + "select 'a' as asset_id, date '2024-01-01' as day"}, "it reads no table"},
		{"a circle", map[string]string{
			"a.sql": "-- model: gold.a\n-- grain: day\n-- lookback: 0 days\nselect day from gold.b",
			"b.sql": "-- model: gold.b\n-- grain: day\n-- lookback: 0 days\nselect day from gold.a"}, "in a circle, gold.a → gold.b → gold.a"},
		{"itself", map[string]string{"m.sql": head + "select asset_id, day from gold.mine"}, "in a circle, gold.mine → gold.mine"},
		{"no day", map[string]string{"m.sql": head + "select asset_id " + summary}, "the grain names day, which the model does not select"},
		{"a day that is none", map[string]string{"m.sql": head + "select asset_id, first_observed_at as day " + summary}, "its column day is not a date: write `cast(… as date) as day`"},
		{"a column of a huge type", map[string]string{"m.sql": head + "select asset_id, day, sum(n_samples::bigint) as n " + summary + " group by all"}, "column n: a gold table cannot have its type HUGEINT: cast it to bigint or decimal(38, 0)"},
		{"a column of lists", map[string]string{"m.sql": head + "select asset_id, day, [close] as l " + summary}, "column l: a gold table cannot have its type DECIMAL(38,28)[]"},
		{"a column without a name", map[string]string{"m.sql": head + "select asset_id, day, close + 1 " + summary}, `selects a column named "(\"close\" + 1)"`},
		{"a column twice", map[string]string{"m.sql": head + "select asset_id, day, close, open as close " + summary}, "selects two columns named close"},
		{"an audit of nothing", map[string]string{"audits/a.sql": "-- audit: a\n-- of: gold.nope\nselect 1"}, "a.sql:2: there is no model gold.nope"},
		{"an audit that looks elsewhere", map[string]string{"audits/a.sql": "-- audit: a\n-- of: gold.daily_summary\nselect * from gold.rankings"}, "it reads gold.rankings: an audit of gold.daily_summary sees only that table"},
		{"an audit without a day", map[string]string{"audits/a.sql": "-- audit: a\n-- of: gold.rankings\nselect asset_id from gold.rankings"}, "it selects no column day of type date"},
		{"an audit of an embedded name", map[string]string{"audits/a.sql": "-- audit: rankings_ranks\n-- of: gold.rankings\nselect * from gold.rankings"}, "the audit rankings_ranks is also defined in"},
		{"an audit of files", map[string]string{"audits/a.sql": "-- audit: a\n-- of: gold.rankings\nselect * from gold.rankings, read_csv('/etc/passwd')"}, "read_csv() in from"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load(t.Context(), inputs(t), folder(t, c.files))
			var r *Refusal
			if !errors.As(err, &r) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v\nwant %s", err, c.want)
			}
		})
	}
	if _, err := Load(t.Context(), inputs(t), filepath.Join(t.TempDir(), "absent")); err == nil {
		t.Error("a missing folder was loaded")
	}
}

func TestRulesRefuseWhatDependsOnOrder(t *testing.T) {
	for _, c := range []struct{ expression, want string }{ // in: select asset_id, day, (expression) as x from gold.daily_summary group by …
		{"sum(avg_price)", "sum of what may be a double"},
		{"sum(close)", "sum of what may be a double"},
		{"avg(avg_price * 2)", "avg of what may be a double"},
		{"sum(close::double)", "sum of what may be a double"},
		{"stddev_samp(avg_price)", "the aggregate stddev_samp depends on the order"},
		{"corr(avg_price, avg_price)", "the aggregate corr"},
		{"kahan_sum(avg_price)", "the aggregate kahan_sum"},
		{"product(avg_price)", "the aggregate product"},
		{"mode(source)", "the aggregate mode"},
		{"list_aggregate(list(avg_price), 'sum')", "list without an order"},
		{"array_agg(avg_price)[1]", "array_agg without an order"},
		{"string_agg(source, ',')", "string_agg without an order"},
		{"first(source)", "first without an order"},
		{"any_value(source)", "any_value without an order"},
		{"arg_max(source, close)", "arg_max by one value"},
		{"min_by(source, close)", "min_by by one value"},
		{"max(random())", "random() is not in the data"},
		{"max(now())", "now() is not in the data"},
		{"max(current_date)", "current_date is not in the data"},
		{"max(current_timestamp)", "is not in the data"},
		{"max(today())", "is not in the data"},
		{"max(age(first_observed_at))::varchar", "age() is not in the data"},
		{"max(uuid())::varchar", "uuid() is not in the data"},
		{"max(current_setting('TimeZone'))", "current_setting() is not in the data"},
	} {
		t.Run(c.expression, func(t *testing.T) {
			sql := head + "select asset_id, day,\n" + c.expression + " as x\nfrom gold.daily_summary group by asset_id, day"
			refused(t, sql, c.want, 5)
		})
	}
	for _, c := range []struct{ sql, want string }{
		{"select asset_id, day, avg(avg_price) over (partition by asset_id order by day) as x from gold.daily_summary", "avg over a window of what may be doubles"},
		{"select asset_id, day, stddev_samp(avg_price) over (partition by asset_id order by day) as x from gold.daily_summary", "stddev_samp over a window"},
		{"select asset_id, day, list_aggregate(list(avg_price) over (partition by asset_id), 'sum') as x from gold.daily_summary", "list over a window whose order has ties"},
		{"select asset_id, day, list_aggregate(list(avg_price) over (partition by asset_id order by source), 'sum') as x from gold.daily_summary", "list over a window whose order has ties"},
		{"select asset_id, day, row_number() over (partition by day order by close) as x from gold.daily_summary", "row_number over an order with ties"},
		{"select asset_id, day, row_number() over () as x from gold.daily_summary", "row_number over an order with ties"},
		{"select asset_id, day, lag(close) over (partition by asset_id order by close) as x from gold.daily_summary", "lag over an order with ties"},
		{"select asset_id, day, first_value(close) over (partition by day order by source) as x from gold.daily_summary", "first_value over an order with ties"},
		{"select asset_id, day, max(close) over (partition by day order by source rows 3 preceding) as x from gold.daily_summary", "a frame of rows over an order with ties"},
		{"select asset_id, day, arg_max(source, close) over (partition by day) as x from gold.daily_summary", "arg_max by one value"},
		{"select asset_id, day, rank() over () as x from gold.daily_summary", "rank without an order"},
		{"select asset_id, day from gold.daily_summary limit 10", "limit without order by"},
		{"select asset_id, day from (select asset_id, day from gold.daily_summary offset 3)", "limit without order by"},
		{"select distinct on (asset_id, day) asset_id, day from gold.daily_summary", "distinct on keeps whichever"},
		{"select asset_id, day from gold.daily_summary using sample 10%", "a sample is not a function"},
		{"select asset_id, day from gold.daily_summary tablesample 10%", "a sample is not a function"},
		{"select a.asset_id, a.day from gold.daily_summary as a positional join gold.daily_summary as b", "a positional join"},
		{"select asset_id, day from gold.daily_summary, read_csv('/etc/passwd')", "read_csv() in from"},
		{"select asset_id, day from gold.daily_summary, duckdb_settings()", "duckdb_settings() in from"},
		{"select asset_id, day from gold.daily_summary, '/etc/passwd'", `"/etc/passwd" in from`},
		{"select asset_id, day from gold.daily_summary, information_schema.tables", `"information_schema.tables" in from`},
		{"select asset_id, day from gold.daily_summary, daily_summary", `"daily_summary" in from`},
		{"select asset_id, day from memory.gold.daily_summary", `"memory.gold.daily_summary" in from`},
		{"select asset_id, day from gold.daily_summary where day > (select max(day) from gold.daily_summary where close > random())", "random() is not in the data"},
		{"with x as (select asset_id, day from gold.daily_summary limit 1) from x", "limit without order by"},
	} {
		t.Run(c.sql, func(t *testing.T) { refused(t, head+c.sql, c.want, 4) })
	}
}

func refused(t *testing.T, sql, want string, line int) {
	t.Helper()
	_, err := Load(t.Context(), inputs(t), folder(t, map[string]string{"m.sql": sql}))
	var r *Refusal
	if !errors.As(err, &r) || !strings.Contains(r.Reason, want) || r.Line != line {
		t.Errorf("%v\nwant line %d: %s", err, line, want)
	}
}

func TestRulesTakeWhatDoesNot(t *testing.T) {
	for _, sql := range []string{
		"select asset_id, day, sum(close::decimal(38, 18)) as x, avg(n_samples::int) as y, sum(1)::bigint as z from gold.daily_summary group by all",
		"select asset_id, day, sum(case when close > 1 then 1 else 0 end)::bigint as x, sum(coalesce(n_samples::bigint, 0))::bigint as y from gold.daily_summary group by all",
		"select asset_id, day, count(*) as x, min(close) as y, bool_and(close > 1) as z, median(close) as m from gold.daily_summary group by all",
		"select asset_id, day, list_aggregate(list(avg_price order by source, close), 'stddev_samp') as x from gold.daily_summary group by all",
		"select asset_id, day, arg_max(source, (close, source)) as x, first(source order by close, source) as y from gold.daily_summary group by all",
		"select asset_id, day, lag(close) over (partition by asset_id order by day) as x from gold.daily_summary",
		"select asset_id, day, row_number() over (partition by day order by close, asset_id) as x, rank() over (partition by day order by close) as y from gold.daily_summary",
		"select asset_id, day, avg(close::decimal(38, 20)) over (partition by asset_id order by day rows 3 preceding) as x from gold.daily_summary",
		"select asset_id, day, list_aggregate(list(avg_price) over (partition by asset_id order by day rows 6 preceding), 'sum') as x from gold.daily_summary",
		"with a as (select * from gold.daily_summary), b as (select asset_id, day from a) select b.asset_id, b.day, i.i from b, range(1) as i(i) order by b.day, b.asset_id",
		"select asset_id, day, unnest(['a']) as x from gold.daily_summary",
		"select asset_id, cast(observed_at as date) as day, last(price_usd order by observed_at, source_key) as p from silver.asset_snapshots group by all",
		"select asset_id, day, date_trunc('week', day) as week, age(last_observed_at, first_observed_at)::varchar as a from gold.daily_summary",
	} {
		if _, err := Load(t.Context(), inputs(t), folder(t, map[string]string{"m.sql": head + sql})); err != nil {
			t.Errorf("%s\n%v", sql, err)
		}
	}
}
