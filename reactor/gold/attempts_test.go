package gold

import (
	"errors"
	"strings"
	"testing"

	"millrace/reactor/duck"
)

// attempts lists first models as people write them, right and wrong, in DuckDB's many forms.
var attempts = []string{
	"select day, list(asset_id order by asset_id) as s from gold.daily_summary group by day",
	"select day, count(*) as n from gold.daily_summary group by day",
	"select * from gold.daily_summary",
	"from gold.daily_summary",
	"from gold.daily_summary select asset_id, day",
	"table gold.daily_summary",
	"select * exclude (source) from gold.daily_summary",
	"select * replace (close::double as close) from gold.daily_summary",
	"select columns('asset_id|day|close') from gold.daily_summary",
	"select asset_id, day, max(columns('open|close')) from gold.daily_summary group by all",
	"select asset_id, day, {'o': open, 'c': close} as s from gold.daily_summary",
	"select asset_id, day, [open, close] as l from gold.daily_summary",
	"select asset_id, day, map {'a': close} as m from gold.daily_summary",
	"select asset_id, day, unnest([open, close]) as x from gold.daily_summary",
	"pivot gold.daily_summary on asset_id using sum(close)",
	"pivot gold.daily_summary on asset_id in ('bitcoin', 'ethereum') using max(close) group by day",
	"unpivot gold.daily_summary on open, close into name n value v",
	"select * from (pivot gold.daily_summary on source in ('snapshot') using count(*) group by asset_id, day)",
	"insert into gold.daily_summary select * from gold.daily_summary",
	"update gold.daily_summary set close = 1",
	"delete from gold.daily_summary",
	"create table x as select 1",
	"create or replace view gold.mine as select asset_id, day from gold.daily_summary",
	"drop table gold.daily_summary",
	"copy gold.daily_summary to 'x.csv'",
	"attach 'x.db'",
	"install httpfs",
	"load json",
	"set threads = 4",
	"pragma version",
	"explain select 1",
	"describe gold.daily_summary",
	"summarize gold.daily_summary",
	"show tables",
	"select * from (describe gold.daily_summary)",
	"select * from read_csv('x.csv')",
	"select * from read_parquet('s3://lakehouse/gold/*.parquet')",
	"select * from 'x.csv'",
	"select * from glob('*')",
	"select * from duckdb_tables()",
	"select * from information_schema.tables",
	"select 1",
	"select asset_id, day from daily_summary",
	"select asset_id, day from lakehouse.gold.daily_summary",
	`select "asset_id", "day" from "gold"."daily_summary"`,
	"select asset_id, day from GOLD.DAILY_SUMMARY",
	"select s.asset_id, s.day from gold.daily_summary s, gold.rankings r where s.asset_id = r.asset_id and s.day = r.day",
	"select asset_id, day from gold.daily_summary natural join gold.rankings",
	"select asset_id, day from gold.daily_summary asof join gold.rankings using (asset_id, day)",
	"select asset_id, day from gold.daily_summary positional join gold.rankings",
	"select asset_id, day from gold.daily_summary semi join gold.rankings using (asset_id, day)",
	"select asset_id, day from gold.daily_summary using sample 10%",
	"select asset_id, day from gold.daily_summary tablesample reservoir(10)",
	"select distinct on (asset_id) asset_id, day from gold.daily_summary",
	"select distinct asset_id, day from gold.daily_summary",
	"select asset_id, day from gold.daily_summary union select asset_id, day from gold.rankings",
	"select asset_id, day from gold.daily_summary union all by name select day, asset_id from gold.rankings",
	"select asset_id, day from gold.daily_summary except select asset_id, day from gold.rankings",
	"select asset_id, day from gold.daily_summary intersect all select asset_id, day from gold.rankings",
	"with recursive r as (select 1 as n union all select n + 1 from r where n < 3) select asset_id, day, n from gold.daily_summary, r",
	"with gold as (select 1) select asset_id, day from gold.daily_summary",
	"select asset_id, day, (select max(close) from gold.daily_summary) as m from gold.daily_summary",
	"select asset_id, day, close in (select close from gold.daily_summary) as m from gold.daily_summary",
	"select asset_id, day, x from gold.daily_summary, lateral (select close + 1 as x)",
	"select asset_id, day, i from gold.daily_summary, generate_series(1, 3) t(i)",
	"select a.* from (values ('a', date '2026-01-01')) a(asset_id, day)",
	"select asset_id, day, list_transform([1, 2], x -> x + 1) as l from gold.daily_summary",
	"select asset_id, day, list_transform([1, 2], lambda x: x + 1) as l from gold.daily_summary",
	"select asset_id, day, [x for x in [1, 2] if x > 1] as l from gold.daily_summary",
	"select asset_id, day, close::varchar as c from gold.daily_summary",
	"select asset_id, day, try_cast(asset_id as int) as c from gold.daily_summary",
	"select asset_id, day, struct_pack(a := 1).a as c from gold.daily_summary",
	"select asset_id, day, case when close > 1 then 'x' end as c from gold.daily_summary",
	"select asset_id, day, date_trunc('week', day)::date as w from gold.daily_summary",
	"select asset_id, day, now() as w from gold.daily_summary",
	"select asset_id, day, random() as w from gold.daily_summary",
	"select asset_id, day, uuid() as w from gold.daily_summary",
	"select asset_id, day, row_number() over () as w from gold.daily_summary",
	"select asset_id, day, rank() over (order by close) as w from gold.daily_summary",
	"select asset_id, day, sum(close) over (partition by day) as w from gold.daily_summary",
	"select asset_id, day, first(close) as w from gold.daily_summary group by all",
	"select asset_id, day, mode(close) as w from gold.daily_summary group by all",
	"select asset_id, day, stddev(close) as w from gold.daily_summary group by all",
	"select asset_id, day, approx_quantile(close, 0.5) as w from gold.daily_summary group by all",
	"select asset_id, day, histogram(n_samples) as w from gold.daily_summary group by all",
	"select asset_id, day, string_agg(source, ',') as w from gold.daily_summary group by all",
	"select asset_id, day, cume_dist(order by close desc) over (partition by day order by asset_id, day rows between 3 following and 1 following) as c from gold.daily_summary",
	"select asset_id, day, sum(1) filter (where close > 1) as c from gold.daily_summary group by grouping sets ((asset_id, day), (day))",
	"select asset_id, day from gold.daily_summary group by cube (asset_id, day)",
	"select asset_id, day from gold.daily_summary qualify row_number() over (partition by day order by close desc, asset_id) <= 3",
	"select asset_id, day from gold.daily_summary order by all limit 3",
	"select asset_id, day from gold.daily_summary limit 10%",
	"select asset_id, day from gold.daily_summary offset 3",
	"select asset_id, day from gold.mine",
	"select asset_id, day from gold.nothing",
	"select asset_id, day from silver.asset_prices",
	"select asset_id, observed_at::date as day from silver.asset_prices",
	"select asset_id, day, nothing from gold.daily_summary",
	"select asset_id, day, close as \"Close Price\" from gold.daily_summary",
	"select asset_id, day, close, close from gold.daily_summary",
	"select asset_id, day, null as x from gold.daily_summary",
	"select asset_id, day, interval 1 day as x from gold.daily_summary",
	"select asset_id, day, 'a' collate nocase as x from gold.daily_summary",
	"select asset_id, day, $1 as x from gold.daily_summary",
	"select asset_id, day, ? as x from gold.daily_summary",
	"select asset_id, day, getvariable('x') as x from gold.daily_summary",
	"select asset_id, day, current_date as x from gold.daily_summary",
	"select asset_id, day at time zone 'UTC' as day from gold.daily_summary",
	"select asset_id, day from gold.daily_summary at (version => 1)",
	"selct 1", "select", "", ";", ";;", "select 1; select 2", "-- nothing", "/* nothing", "select '", "select \"", "(", ")", "select asset_id, day from gold.daily_summary;;", "\x00", "\xff\xfe", "with", "from",
}

// attempted loads a model. It fails the test unless the result is a model or a refusal that names the model's file.
func attempted(t *testing.T, text string) {
	t.Helper()
	s, err := Load(t.Context(), inputs(t), folder(t, map[string]string{"mine.sql": text}))
	if err == nil {
		if len(s.Models) != 5 {
			t.Errorf("%q: %d models", text, len(s.Models))
		}
		return
	}
	var refusal *Refusal
	if !errors.As(err, &refusal) || !strings.Contains(err.Error(), "mine.sql:") || strings.TrimSpace(refusal.Reason) == "" || refusal.Line < 1 {
		t.Errorf("%q: no refusal with a place: %v", text, err)
	}
	if strings.Contains(err.Error(), "serialized to json") || strings.Contains(err.Error(), "INTERNAL") {
		t.Errorf("%q: the refusal uses words that users do not know: %v", text, err)
	}
}

func TestFirstAttemptsAreModelsOrRefusals(t *testing.T) {
	for _, sql := range attempts {
		attempted(t, "-- model: gold.mine\n-- grain: asset_id, day\n-- lookback: 0 days\n"+sql+"\n")
	}
}

// FuzzModel holds that loading any SQL ends with a model or a refusal.
func FuzzModel(f *testing.F) {
	for _, sql := range attempts {
		f.Add(sql)
	}
	for _, test := range wrongLookbacks {
		f.Add(test.sql)
	}
	for _, test := range rightLookbacks {
		f.Add(test.sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		attempted(t, "-- model: gold.mine\n-- grain: day\n-- lookback: 0 days\n"+sql+"\n")
	})
}

func TestMessagesOfFilesThatAreNoModels(t *testing.T) {
	for text, says := range map[string]string{
		head + "insert into gold.daily_summary select * from gold.daily_summary": "a model or an audit is one select",
		head + "select * from read_csv('x.csv')":                                 "read_csv() in from",
		head + "pivot gold.daily_summary on asset_id using sum(n_samples)":       "a pivot without a list of values",
		"\xff\xfe-\x00-\x00": "the file is UTF-16: save it as UTF-8",
	} {
		_, err := Load(t.Context(), inputs(t), folder(t, map[string]string{"m.sql": text}))
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "m.sql:") {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
	}
	for name, before := range map[string]string{
		"a byte order mark": "\ufeff", "a licence": "-- Copyright 2026 The authors.\n-- SPDX-License-Identifier: Apache-2.0\n\n", "a block": "/* Licensed under\n * Apache-2.0\n */\n",
		"what looks like a key": "-- author: me\n", "all of it": "\ufeff/* x */\r\n-- x\r\n\r\n",
	} {
		s, err := Load(t.Context(), inputs(t), folder(t, map[string]string{"m.sql": before + head + "select asset_id, day from gold.daily_summary\n"}))
		if err != nil {
			t.Errorf("%s before the header: %v", name, err)
			continue
		}
		m, _ := s.Model("gold.mine")
		c := workplace(t, s, duck.Config{Threads: 1})
		if err := c.Exec(t.Context(), "create table gold.daily_summary as from old_gold.daily_summary; select * from "+subquery(m.SQL)); err != nil {
			t.Errorf("%s before the header: %v", name, err)
		}
	}
}
