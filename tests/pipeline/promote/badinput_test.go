package promote_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"millrace/tests/harness"
	"millrace/tests/harness/catalog"
	"millrace/tests/harness/coin"
)

// bad is an object in which something is wrong, or only looks wrong, and what has to become of it. Each has a day of its own for its
// good rows.
type bad struct {
	name string
	key  string // default coin.AssetsKey(name + ".json")
	body func(at time.Time) []byte
	// good lists the rows that arrive: the asset id, or id=price.
	good []string
	// refused lists "field: beginning of the reason" of the rows in silver.rejected, in order.
	refused []string
	// dead is a part of the dead letter's reason; empty when there may be no letter.
	dead string
	// extra is the beginning of silver's column extra in the row "odd".
	extra string
}

// among puts an element between two good ones.
func among(element string) func(time.Time) []byte {
	return func(at time.Time) []byte {
		return coin.Assets(at, coin.Asset("before", "1.5", "10"), element, coin.Asset("after", "2.5", "20"))
	}
}

func text(body string) func(time.Time) []byte {
	return func(time.Time) []byte { return []byte(body) }
}

var neighbours = []string{"after", "before"}

const farewell = `{"data":{"message":"We are deprecating this version of the CoinCap API on March 31, 2025. Sign up for our new V3 API at https://pro.coincap.io/dashboard"},"timestamp":1743435300643}`

func badInputs(t testing.TB) []bad {
	good := func(at time.Time) []byte { return coin.Assets(at, coin.Asset("odd", "3.5", "30")) }
	stamped := func(ms string) func(time.Time) []byte {
		return func(at time.Time) []byte {
			return fmt.Appendf(nil, `{"data":[{"id":"odd","priceUsd":"1","timestamp":%s},{"id":"after","priceUsd":"1","timestamp":%d}]}`, ms, at.UnixMilli())
		}
	}
	return []bad{
		{name: "empty object", body: text(""), dead: "it is empty"},
		{name: "empty JSON object", body: text("{}"), dead: `it has no "data"`},
		{name: "truncated JSON", body: func(at time.Time) []byte { b := among(coin.Asset("odd", "1", "1"))(at); return b[:len(b)-40] }, dead: "in the middle of its JSON"},
		{name: "truncated gzip", key: coin.AssetsKey("truncated.json.gz"), body: func(at time.Time) []byte { b := coin.Compressed(t, good(at)); return b[:len(b)-6] }, dead: "its gzip stream"},
		{name: "HTML", body: text("<!DOCTYPE html><html><body>502 Bad Gateway</body></html>"), dead: `it is not JSON, it begins with "<!DOCTYPE`},
		{name: "error body", body: text(`{"error":"You exceeded your rate limit","timestamp":1751328000000}`), dead: `it has no "data"`},
		{name: "farewell of version 2", body: text(farewell), dead: `"data" is`},
		{name: "list without envelope", body: text(`[` + coin.Asset("odd", "1", "1") + `]`), dead: "timestamp is nowhere"},
		{name: "row without id", body: among(`{"priceUsd":"1"}`), good: neighbours, refused: []string{"id: is missing"}},
		{name: "price NaN", body: among(coin.Asset("odd", "NaN", "1")), good: neighbours, refused: []string{`priceUsd: "NaN" is not a number`}},
		{name: "price -1", body: among(coin.Asset("odd", "-1", "1")), good: neighbours, refused: []string{`priceUsd: "-1" is negative`}},
		{name: "price 1e400", body: among(coin.Asset("odd", "1e400", "1")), good: neighbours, refused: []string{`priceUsd: "1e400" is beyond reason`}},
		{name: "price of 60 digits", body: among(coin.Asset("odd", strings.Repeat("9", 60), "1")), good: neighbours, refused: []string{`priceUsd: "` + strings.Repeat("9", 60) + `" is beyond reason`}},
		{name: "timestamp in seconds", body: stamped("1750000000"), good: []string{"after"}, refused: []string{`timestamp: "1750000000" (1970-01-21T06:06:40Z) is before 2009-01-03, Bitcoin's first block; it looks like seconds`}},
		{name: "timestamp in 2099", body: stamped("4070908800000"), good: []string{"after"}, refused: []string{`timestamp: "4070908800000" (2099-01-01T00:00:00Z) is more than 24 hours after`}},
		{name: "envelope in 2099", body: text(`{"timestamp":4070908800000,"data":[` + coin.Asset("odd", "1", "1") + `]}`), refused: []string{`timestamp: "4070908800000" (2099-01-01T00:00:00Z) is more than 24 hours after`}},
		{name: "duplicate ids", body: func(at time.Time) []byte {
			return coin.Assets(at, coin.Asset("odd", "1", "1"), coin.Asset("before", "1", "1"), coin.Asset("odd", "2", "2"))
		}, good: []string{"before", "odd=2.0"}},
		{name: "unknown field", body: among(`{"id":"odd","priceUsd":"1","madeUp":{"b": 1, "a":[ "x" ]}}`), good: []string{"after", "before", "odd"}, extra: `{"madeUp":{"b":1,"a":["x"]}}`},
		{name: "100,000 unknown fields", body: func(at time.Time) []byte {
			var b strings.Builder
			b.WriteString(`{"id":"odd","priceUsd":"1"`)
			for i := range 100_000 {
				fmt.Fprintf(&b, `,"f%06d":%d`, i, i)
			}
			return among(b.String() + "}")(at)
		}, good: []string{"after", "before", "odd"}, extra: `{"f000000":0,"f000001":1,`},
		{name: "deep nesting", body: among(`{"id":"odd","priceUsd":"1","deep":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`), good: neighbours, refused: []string{"deep: nested 5001 levels deep"}},
		{name: "nesting without end", body: text(strings.Repeat("[", 200_000)), dead: "it "},
		{name: "invalid UTF-8", body: among("{\"id\":\"odd\",\"priceUsd\":\"1\",\"name\":\"\xff\xfe\"}"), good: neighbours, refused: []string{"name: not valid UTF-8"}},
		{name: "large and truncated", body: func(at time.Time) []byte {
			list := strings.Repeat(coin.Asset("odd", "1", "1")+",", 40_000) // beyond what is held in memory: its rows are on their way before its end is read
			return fmt.Appendf(nil, `{"timestamp":%d,"data":[%s`, at.UnixMilli(), list)
		}, dead: "in the middle of its JSON"},
		{name: "quotes", key: coin.AssetsKey(`it's "quoted"; drop table x; --.json`), body: func(at time.Time) []byte {
			return coin.Assets(at, coin.Asset("'; drop table silver.rejected; --", "1", "1"), `{"id":"it's","priceUsd":"'"}`)
		}, good: []string{"'; drop table silver.rejected; --"}, refused: []string{`priceUsd: "'" is not a number`}},
		{name: "odd key", key: coin.AssetsKey("a+b c%d%20é.json"), body: good, good: []string{"odd"}},
		{name: "unknown dataset", key: "bronze/coincap/candles/ingest_date=2025-06-30/x.json", body: good, dead: `no dataset "coincap/candles" is defined`},
		{name: "unknown extension", key: coin.AssetsKey("x.xml"), body: good, dead: "none of the extensions"},
		{name: "no dataset at all", key: "bronze/x.json", body: good, dead: "is not bronze/<source>/<dataset>"},
		{name: "history of nobody", key: coin.HistoryKey("x.json"), body: func(at time.Time) []byte { return coin.Points(coin.Point(at, "1")) }, dead: "asset_id is nowhere"},
		{name: "not what its name says", key: coin.AssetsKey("x.parquet"), body: good, dead: "it is not Parquet"},
	}
}

func TestBadInputHasItsPlaceAndHoldsNothingUp(t *testing.T) {
	s := harness.Start(t)
	inputs := badInputs(t)
	at := func(i int) time.Time { return coin.Day(time.January, 1+i).Add(6 * time.Hour) }
	var wait []string
	for i := range inputs {
		in := &inputs[i]
		if in.key == "" {
			in.key = coin.AssetsKey(in.name + ".json")
		}
		s.Put(t, in.key, in.body(at(i)), nil)
		if in.dead == "" {
			wait = append(wait, in.key)
		}
	}
	// This one comes after all the others and arrives in spite of them.
	last := coin.AssetsKey("zz-after-all.json")
	s.Put(t, last, coin.Assets(coin.Day(time.June, 20), coin.Asset("bitcoin", "100000.25", "2000000000000")), nil)
	s.Wait(t, append(wait, last)...)
	s.Settled(t)

	became := whatBecameOf(t, s)
	for _, in := range inputs {
		t.Run(in.name, func(t *testing.T) {
			in.hasItsLetter(t, became[in.key])
			in.hasItsRefusals(t, became[in.key].refused)
			in.hasItsRows(t, became[in.key].arrived)
		})
	}
	if rows := became[last].arrived; len(rows) != 1 || !rows[0].InGold {
		t.Errorf("what came last is not in gold: %+v", rows)
	}
	s.CheckEqual(t)
}

// fate is all that the lake says of one object.
type fate struct {
	entries []catalog.Entry
	letters []harness.DeadLetter
	refused []refusedRow
	arrived []goodRow
}

type refusedRow struct {
	SourceKey string  `json:"source_key"`
	Field     *string `json:"field"`
	Reason    string
	Raw       string
}

type goodRow struct {
	SourceKey string  `json:"source_key"`
	AssetID   string  `json:"asset_id"`
	Price     string  `json:"price"`
	Extra     *string `json:"extra"`
	InGold    bool    `json:"in_gold"`
}

// whatBecameOf asks the lake about all objects at once, by key.
func whatBecameOf(t *testing.T, s *harness.Stack) map[string]fate {
	t.Helper()
	all := map[string]fate{}
	note := func(key string, change func(*fate)) {
		f := all[key]
		change(&f)
		all[key] = f
	}
	for _, e := range s.Ledger(t) {
		note(e.Key, func(f *fate) { f.entries = append(f.entries, e) })
	}
	for _, l := range s.DeadLetters(t) {
		if l.Key == nil {
			t.Errorf("a dead letter about no object: %+v", l)
			continue
		}
		note(*l.Key, func(f *fate) { f.letters = append(f.letters, l) })
	}
	for _, r := range harness.Query[refusedRow](t, s, "select source_key, field, reason, raw[:200] as raw from silver.rejected order by source_key, source_row") {
		note(r.SourceKey, func(f *fate) { f.refused = append(f.refused, r) })
	}
	for _, r := range harness.Query[goodRow](t, s, `select s.source_key, s.asset_id, s.price_usd::double::varchar as price, s.extra[:200] as extra, d.close is not distinct from s.price_usd as in_gold
		from silver.asset_snapshots s left join gold.daily_summary d on d.asset_id = s.asset_id and d.day = s.observed_at::date order by s.source_key, s.asset_id`) {
		note(r.SourceKey, func(f *fate) { f.arrived = append(f.arrived, r) })
	}
	return all
}

// hasItsLetter wants one entry in the ledger, and a dead letter when nothing of the object can be read.
func (b bad) hasItsLetter(t *testing.T, f fate) {
	t.Helper()
	if len(f.entries) != 1 || (f.entries[0].Outcome == "dead") != (b.dead != "") {
		t.Errorf("the ledger says %+v", f.entries)
	}
	switch got := f.letters; {
	case b.dead == "" && len(got) > 0:
		t.Errorf("an object that can be read is a dead letter: %+v", got)
	case b.dead != "" && (len(got) != 1 || !strings.Contains(got[0].Reason, b.dead) || got[0].Attempts != 1):
		t.Errorf("want one dead letter with %q, got %+v", b.dead, got)
	}
}

func (b bad) hasItsRefusals(t *testing.T, rows []refusedRow) {
	t.Helper()
	if len(rows) != len(b.refused) {
		t.Errorf("want %d refused rows, got %+v", len(b.refused), rows)
	}
	for i, r := range rows {
		field := ""
		if r.Field != nil {
			field = *r.Field
		}
		if i < len(b.refused) && (!strings.HasPrefix(field+": "+r.Reason, b.refused[i]) || r.Raw == "") {
			t.Errorf("want the refusal %q, got %s: %s: %s", b.refused[i], field, r.Reason, r.Raw)
		}
	}
}

func (b bad) hasItsRows(t *testing.T, rows []goodRow) {
	t.Helper()
	var ids []string
	for _, r := range rows {
		if !r.InGold {
			t.Errorf("%s is in silver and not in gold", r.AssetID)
		}
		id := r.AssetID
		if priced := id + "=" + r.Price; slices.Contains(b.good, priced) {
			id = priced
		}
		ids = append(ids, id)
		if r.AssetID == "odd" && b.extra != "" && (r.Extra == nil || !strings.HasPrefix(*r.Extra, b.extra)) {
			t.Errorf("extra is %v, want %s…", r.Extra, b.extra)
		}
	}
	if strings.Join(ids, " ") != strings.Join(b.good, " ") {
		t.Errorf("rows of %v arrived, want %v", ids, b.good)
	}
}

// A message that MinIO never sent must not stop the router.
func TestAMessageOfNoKnownFormIsADeadLetter(t *testing.T) {
	s := harness.Start(t)
	js := s.JetStream(t)
	ctx, cancel := context.WithTimeout(context.Background(), harness.Patience)
	defer cancel()
	for _, body := range []string{"", "hello", "{}", `{"Records":[{"eventName":"s3:ObjectCreated:Put"}]}`, strings.Repeat("[", 10_000)} {
		if _, err := js.Publish(ctx, "lake.raw.replay", []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	for _, body := range []string{"", "{}", `{"bucket":"lakehouse","key":"bronze/coincap/assets/gone.json","version":"null","modified_at":"2025-06-01T00:00:00Z","size":1}`} {
		if _, err := js.Publish(ctx, "lake.ev.bronze.coincap.assets", []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	key := coin.AssetsKey("x.json")
	s.Put(t, key, coin.Assets(coin.Day(time.June, 1), coin.Asset("bitcoin", "1", "1")), nil)
	s.Wait(t, key)
	s.Settled(t)
	n := map[string]int{}
	for _, l := range s.DeadLetters(t) {
		n[l.Consumer]++
		if l.Reason == "" || l.Attempts != 1 {
			t.Errorf("a dead letter without a reason, or tried again: %+v", l)
		}
	}
	if n["raw"] != 5 || n["silver-asset_snapshots"] != 3 {
		t.Errorf("dead letters by who gave them up: %v, want 5 of raw and 3 of silver-asset_snapshots", n)
	}
}
