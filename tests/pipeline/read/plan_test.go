package read_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/iceberg-go"

	"millrace/reactor/lake"
	"millrace/tests/harness"
	"millrace/tests/harness/coin"
	"millrace/tests/harness/home"
)

// planned reads the lines of `reactor plan`: action, table, objects, rows, days, from and to, as far as they are there.
func planned(t testing.TB, s *harness.Stack, env ...string) []string {
	t.Helper()
	r := s.RunEnv(t, env, "reactor", "plan", "--output", "csv")
	if r.Code != 0 {
		t.Fatalf("reactor plan: %s", r)
	}
	var lines []string
	for _, line := range strings.Split(strings.TrimSpace(r.Stdout), "\n")[1:] {
		fields := strings.SplitN(line, ",", 8)
		lines = append(lines, strings.Join(strings.Fields(strings.Join(fields[:7], " ")), " "))
	}
	return lines
}

// asEarlierRelease takes columns off a table, as if an earlier release had made it, whose dataset did not have them yet. The table's
// former schemas have them: so the reactor takes it for what another engine did, adds them as it adds new ones, and is not ready
// until a replay.
func asEarlierRelease(t testing.TB, s *harness.Stack, name string, columns ...string) {
	t.Helper()
	l, err := lake.Open(t.Context(), s.Client(), s.Bucket(), "sqlite:///"+s.Catalog())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	view, err := l.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	base := view.Tables[name]
	fields := slices.DeleteFunc(slices.Clone(base.Meta.CurrentSchema().Fields()), func(f iceberg.NestedField) bool { return slices.Contains(columns, f.Name) })
	if _, err := l.Commit(t.Context(), []lake.Change{{Base: base, Evolve: iceberg.NewSchema(len(base.Meta.Schemas()), fields...)}}, nil); err != nil {
		t.Fatal(err)
	}
}

// computedRows is the beginning of a plan's line, with the number of rows at its end.
var computedRows = regexp.MustCompile(`^(compute \S+) \d+`)

// planning is a lake whose plans are asked for, with a folder of own models.
type planning struct {
	*harness.Stack
	own     harness.Models
	reactor *harness.Reactor
}

func TestAPlanSaysWhatAStartDoes(t *testing.T) {
	p := &planning{Stack: harness.Start(t, harness.WithoutReactor()), own: harness.NewModels(t)}
	p.own.Write(t, "spread.sql", harness.SpreadHeader+"select asset_id, day, high - low as spread from gold.daily_summary\n")
	p.Reactor(t, "tables") // makes the catalog's file
	p.want(t, "of nothing", "create silver.asset_snapshots", "create silver.rejected", "create silver.asset_prices", "create gold.daily_summary",
		"create gold.rankings", "create gold.rolling_averages", "create gold.market_summary", "create gold.spread")
	p.reactor = p.StartReactor(t, p.own.Env())
	p.PutRanges(t) // three days of bitcoin and tether, three times a day
	before := p.Current(t)["silver.asset_snapshots"]
	p.PutAndWait(t, coin.AssetsKey("last.json"), coin.Assets(coin.Day(time.June, 2).Add(20*time.Hour), coin.Asset("bitcoin", "300", "1")), nil)
	p.Settled(t)
	p.want(t, "of a lake that is up to date")
	p.reactor.StopInOrder(t)
	p.everythingAtOnce(t, before)
	p.started(t)
	p.forgotten(t)
}

// want compares the plan with the lines that are expected, in any order. A plan may not change the lake.
func (p *planning) want(t *testing.T, what string, lines ...string) {
	t.Helper()
	before := p.Pointers(t)
	got := planned(t, p.Stack, p.own.Env())
	for i := range got {
		// A plan counts the rows of whole files, and how many days a file holds depends on how gold's steps fell.
		got[i] = computedRows.ReplaceAllString(got[i], "$1")
	}
	slices.Sort(got) // models come in any order that keeps each after those it reads
	slices.Sort(lines)
	if !slices.Equal(got, lines) {
		t.Errorf("%s:\ngot  %s\nwant %s", what, strings.Join(got, "\n     "), strings.Join(lines, "\n     "))
	}
	if after := p.Pointers(t); !maps.Equal(before, after) {
		t.Errorf("%s: the plan changed the lake: %v, before %v", what, after, before)
	}
}

// everythingAtOnce is all that a start can find: objects, a rollback of silver to a snapshot, an earlier release's columns, models.
func (p *planning) everythingAtOnce(t *testing.T, silver int64) {
	t.Helper()
	p.Put(t, coin.AssetsKey("more.json"), coin.Assets(coin.Day(time.June, 5), coin.Asset("bitcoin", "5", "1")), nil)
	p.Put(t, "bronze/coincap/candles/ingest_date=2025-06-29/x.json", []byte("{}"), nil)
	p.Reactor(t, "rollback", "silver.asset_snapshots", "--to", fmt.Sprint(silver))
	asEarlierRelease(t, p.Stack, "silver.asset_snapshots", "symbol", "tokens")
	p.own.Write(t, "spread.sql", harness.SpreadHeader+"select asset_id, day, 2 * (high - low) as spread from gold.daily_summary\n")
	p.own.Write(t, "spread_again.sql", strings.Replace(harness.SpreadHeader, "spread", "again", 1)+"select asset_id, day, 1 as n from gold.spread where day >= date '2025-06-02'\n")
	harness.Eventually(t, "the objects are old enough to count as missed", func() bool {
		return strings.Contains(strings.Join(planned(t, p.Stack, p.own.Env()), "\n"), "promote")
	})
	p.want(t, "of all that a start can find",
		"add column silver.asset_snapshots 18", "add column silver.asset_snapshots 18",
		"promote 1 2025-06-29 2025-06-29", "promote silver.asset_snapshots 1 2025-06-30 2025-06-30",
		"compute gold.daily_summary 1 2025-06-02 2025-06-02", "compute gold.rankings 2 2025-06-02 2025-06-03",
		"compute gold.rolling_averages 2 2025-06-02 2025-06-03", "compute gold.market_summary 2 2025-06-02 2025-06-03",
		"rebuild gold.spread 6 3 2025-06-01 2025-06-03", "create gold.again 0 3 2025-06-01 2025-06-03")
}

// started starts a reactor, which does what was planned. A replay brings the rows that were rolled back, and the values of the new
// columns: what a fresh lake would have.
func (p *planning) started(t *testing.T) {
	t.Helper()
	p.reactor = p.StartUnready(t, p.own.Env())
	harness.Eventually(t, "the reactor says that the table has lost columns, and what brings their values back", func() bool {
		err := home.ReactorReady(t.Context(), p.reactor.Addr)
		return err != nil && strings.Contains(err.Error(), "symbol, tokens") && strings.Contains(err.Error(), "reactor replay --dataset coincap/assets")
	})
	p.Wait(t, coin.AssetsKey("more.json"))
	p.Settled(t)
	p.want(t, "after the start")
	if got := p.CSV(t, "select symbol, tokens, count(*) as n from silver.asset_snapshots group by all order by all"); got != "symbol,tokens,n\nX,,1\n,,18\n" {
		t.Errorf("silver after the start: %s", got)
	}
	replayed := harness.Rows[struct{ Events int }](t, p, "replay", "--wait")
	if replayed[0].Events != 12 {
		t.Errorf("replay of %v events, want 12", replayed)
	}
	p.CheckEqual(t, p.own.Env())
	harness.Eventually(t, "the reactor is ready after the replay", func() bool { return home.ReactorReady(t.Context(), p.reactor.Addr) == nil })
	if n := p.Count(t, "select count(*) as n from silver.asset_snapshots where symbol = 'X'"); n != 20 {
		t.Errorf("%d rows have their symbol again, want 20", n)
	}
	if got := p.CSV(t, "select (day::varchar)[9:] as day, spread from gold.spread where asset_id = 'bitcoin' order by all"); got != "day,spread\n01,40\n02,400\n03,120\n05,0\n" {
		t.Errorf("the changed model: %s", got)
	}
	p.reactor.StopInOrder(t)
}

// forgotten starts a reactor without the models that it had.
func (p *planning) forgotten(t *testing.T) {
	t.Helper()
	p.own.Remove(t, "spread.sql", "spread_again.sql")
	p.want(t, "without the models", "forget gold.again 5", "forget gold.spread 7")
	p.Put(t, coin.AssetsKey("more.json"), coin.Assets(coin.Day(time.June, 5), coin.Asset("bitcoin", "6", "1")), nil)
	p.reactor = p.StartReactor(t, p.own.Env())
	p.Wait(t, coin.AssetsKey("more.json"))
	p.Settled(t)
	p.want(t, "after the models are forgotten")
	p.CheckEqual(t, p.own.Env())
}
