//go:build old

package old

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"millrace/tests/harness"
	"millrace/tests/harness/catalog"
	"millrace/tests/harness/coin"
)

// objects is how many the old programs get, beside the histories. Most of them are a commit of silver and a step of gold.
const objects = 250

// sightings is a gold table of a user's own. It reads silver alone, so no model that has changed since is above it.
const sightings = "gold.sightings"

const sightingsSQL = `-- model: gold.sightings
-- grain: asset_id, day
-- lookback: 0 days
select asset_id, cast(make_timestamp(epoch_us(observed_at)) as date) as day, count(*) as n_rows, max(price_usd) as highest
from silver.asset_snapshots
group by all
`

// left is what the old programs left: the home, and what they said of it before they stopped.
type left struct {
	home     string
	models   harness.Models
	contents map[string]string // by table
	digests  map[string]string // of the silver tables, by `reactor check`
	current  map[string]int64
	pointers map[string]string
	ledger   []catalog.Entry
	letters  []harness.DeadLetter
}

// leave has the old programs make a lake, and stops them.
func leave(t *testing.T, programs string) left {
	t.Helper()
	l := left{home: t.TempDir(), models: harness.NewModels(t), digests: map[string]string{}}
	l.models.Write(t, "sightings.sql", sightingsSQL)
	s := harness.Start(t, harness.InHome(l.home), harness.WithPrograms(programs), harness.WithEnv(l.models.Env()))
	putHistories(t, s.Lake)
	// One by one: objects that come at once share commits.
	random, known := rand.New(rand.NewPCG(664, 0)), len(s.Ledger(t))
	for i := range objects {
		key, body, meta := harness.LoadObject(random, i)
		s.Put(t, key, body, meta)
		known++
		s.AwaitLedger(t, known)
	}
	s.Settled(t)

	l.contents = s.Contents(t, append(slices.Clone(harness.Tables), sightings)...)
	verdicts := s.CheckEqual(t, l.models.Env())
	for _, table := range harness.SilverTables {
		l.digests[table] = verdicts[table].Digest
	}
	l.current, l.pointers, l.ledger, l.letters = s.Current(t), s.Pointers(t), s.Ledger(t), s.DeadLetters(t)
	for table, text := range l.contents {
		if lines := countLines(text); lines < 2 || l.current[table] == 0 {
			t.Fatalf("the old programs left %d lines of %s in snapshot %d: nothing to open", lines, table, l.current[table])
		}
	}
	if n := committed(t, l.pointers, "silver.asset_snapshots"); n < objects/2 || len(l.letters) == 0 {
		t.Fatalf("the old programs left %d commits of silver and %d dead letters: that is no lake of a while", n, len(l.letters))
	}
	for _, table := range slices.Sorted(maps.Keys(l.contents)) {
		t.Logf("the old programs left %d rows of %s, after %d commits", countLines(l.contents[table])-1, table, committed(t, l.pointers, table))
	}
	t.Logf("and %d entries in the ledger, %d dead letters", len(l.ledger), len(l.letters))
	s.Stop(t)
	return l
}

// putHistories puts 120 days of three of the load's coins, so that all averages but the longest have their days.
func putHistories(t *testing.T, l *harness.Lake) {
	t.Helper()
	var keys []string
	for i := range 3 {
		id := fmt.Sprintf("coin-%d", i)
		var points []string
		for day := range 120 {
			points = append(points, coin.Point(coin.Day(time.February, 1).AddDate(0, 0, day), fmt.Sprintf("%d.%028d", 10*(i+1)+day*7%13, 1+day)))
		}
		key := coin.HistoryKey(id + "_d1_old.json")
		l.Put(t, key, coin.Points(points...), coin.About(id, "d1"))
		keys = append(keys, key)
	}
	l.Wait(t, keys...)
}

// committed counts the commits of a table by the number in the name of its metadata: "…/metadata/00153-….metadata.json".
func committed(t *testing.T, pointers map[string]string, table string) (n int) {
	t.Helper()
	if pointers[table] == "" {
		return 0
	}
	if _, err := fmt.Sscanf(path.Base(pointers[table]), "%d-", &n); err != nil {
		t.Fatalf("count the commits of %s by %q: %v", table, pointers[table], err)
	}
	return n
}

func countLines(text string) int { return strings.Count(text, "\n") }
