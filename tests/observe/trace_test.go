package observe_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"millrace/tests/harness"
	"millrace/tests/harness/coin"
)

// traced starts a lakehouse whose reactor sends its spans to the receiver.
func traced(t *testing.T) (*harness.Stack, *receiver, []string) {
	t.Helper()
	r := newReceiver(t)
	env := []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + r.URL, "OTEL_BSP_SCHEDULE_DELAY=50"}
	s := harness.Start(t, harness.WithoutReactor())
	reactor := s.StartReactor(t, env...)
	// An object that the first look of the reconciler finds has no trace of its own: its event is published by the reactor.
	harness.Eventually(t, "the reconciler has looked", func() bool {
		return harness.Metrics(t, reactor.Addr)["millrace_reconcile_last_success_timestamp_seconds{scope=all}"] > 0
	})
	return s, r, env
}

// gold waits until the gold step of an object's trace is there, its commit included.
func gold(t *testing.T, r *receiver, key string) []span {
	t.Helper()
	var spans []span
	harness.Eventually(t, "the trace of "+key+" has come to gold", func() bool {
		spans = r.trace(key)
		step := slices.IndexFunc(spans, func(s span) bool { return s.name == "promote gold" })
		return step >= 0 && slices.ContainsFunc(spans, func(s span) bool { return s.name == "commit" && s.parent == spans[step].id }) && whole(spans)
	})
	return spans
}

// connected fails the test when a span's parent is not in its trace; it returns the one without a parent.
func connected(t *testing.T, spans []span) span {
	t.Helper()
	ids := map[string]int{}
	for _, s := range spans {
		ids[s.id]++
	}
	var roots []span
	for _, s := range spans {
		switch {
		case s.parent == "":
			roots = append(roots, s)
		case ids[s.parent] == 0:
			t.Errorf("span %q has a parent that nobody sent", s.name)
		}
		if ids[s.id] > 1 {
			t.Errorf("span %q came %d times", s.name, ids[s.id])
		}
		if s.to < s.from {
			t.Errorf("span %q ends before it begins", s.name)
		}
	}
	if len(roots) != 1 {
		t.Fatalf("a trace has %d beginnings: %v", len(roots), spans)
	}
	return roots[0]
}

// whole tells whether every parent has come. A program sends a span when it has ended, so the children of a step under way come first.
func whole(spans []span) bool {
	ids := map[string]bool{"": true}
	for _, s := range spans {
		ids[s.id] = true
	}
	return !slices.ContainsFunc(spans, func(s span) bool { return !ids[s.parent] })
}

func names(spans []span) (all []string) {
	for _, s := range spans {
		all = append(all, s.name)
	}
	return all
}

func TestOnePutIsOneTraceToTheGoldCommit(t *testing.T) {
	s, r, _ := traced(t)
	// The first puts find tables to make and a lake to rebuild. The last one is like every later put.
	var key string
	for i := range 2 {
		key = coin.AssetsKey(fmt.Sprintf("%d.json", i))
		s.Put(t, key, coin.Assets(coin.Day(time.June, 1+i), coin.Asset("bitcoin", "1", "1")), nil)
		s.Wait(t, key)
		gold(t, r, key)
	}
	spans := gold(t, r, key)
	if root := connected(t, spans); root.name != "put" || root.service != "millrace-reactor" {
		t.Errorf("the trace begins with %+v", root)
	}
	for _, name := range []string{
		"put", "route", "wait in stream", "promote silver.asset_snapshots", "decode", "fetch", "decode object", "merge", "commit", "stage silver.asset_snapshots", "put file", "barrier", "transaction",
		"announce silver", "wait for pointer", "promote gold", "compute", "read silver.asset_snapshots", "what changed", "models", "make tables", "audit gold.daily_summary", "audit gold.market_summary", "model gold.daily_summary", "model gold.rankings", "compare gold.daily_summary", "stage gold.daily_summary",
	} {
		if !slices.Contains(names(spans), name) {
			t.Errorf("the trace has no span %q: %v", name, names(spans))
		}
	}
	// This is the time, from the put to the gold commit, that no span accounts for.
	from, to, bare := cover(spans)
	t.Logf("%d spans, %v from put to gold, %v of it in no leaf span", len(spans), time.Duration(to-from), time.Duration(bare))
	if path := os.Getenv("MILLRACE_WATERFALL"); path != "" {
		waterfall(t, path, spans)
	}
}

// cover returns the time that a trace spans and how much of it lies in no span without children.
func cover(spans []span) (from, to, bare uint64) {
	var leaves []span
	for _, s := range spans {
		if from == 0 || s.from < from {
			from = s.from
		}
		to = max(to, s.to)
		if !slices.ContainsFunc(spans, func(c span) bool {
			return c.parent == s.id && c.name != "route" && c.name != "wait in stream" && !strings.HasPrefix(c.name, "promote") && c.name != "announce silver" && c.name != "wait for pointer"
		}) {
			leaves = append(leaves, s)
		}
	}
	slices.SortFunc(leaves, func(a, b span) int { return int(int64(a.from) - int64(b.from)) })
	at := from
	for _, s := range leaves {
		if s.from > at {
			bare += s.from - at
		}
		at = max(at, s.to)
	}
	return from, to, bare + (to - min(to, at))
}

// waterfall writes the spans in order, for people.
func waterfall(t *testing.T, path string, spans []span) {
	t.Helper()
	slices.SortFunc(spans, func(a, b span) int { return int(int64(a.from) - int64(b.from)) })
	parents := map[string]string{}
	for _, s := range spans {
		parents[s.id] = s.parent
	}
	var text strings.Builder
	for _, s := range spans {
		depth := 0
		for p := s.parent; p != ""; p = parents[p] {
			depth++
		}
		fmt.Fprintf(&text, "%8.2f %8.2f ms  %s%s\n", float64(s.from-spans[0].from)/1e6, float64(s.to-s.from)/1e6, strings.Repeat("  ", depth), s.name)
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// The ingestor's trace goes on in the reactor: the API call, the put, silver, gold.
func TestAnIngestIsPartOfTheSameTrace(t *testing.T) {
	s, r, env := traced(t)
	key := s.Land(t, env, "snapshot")[0].Key
	s.Wait(t, key)
	spans := gold(t, r, key)
	if root := connected(t, spans); root.name != "ingest assets" || root.service != "millrace-ingestor" {
		t.Errorf("the trace begins with %+v", root)
	}
	if !slices.Contains(names(spans), "fetch") || !slices.Contains(names(spans), "promote silver.asset_snapshots") {
		t.Errorf("spans: %v", names(spans))
	}
}

// Many objects in one commit: each has a trace of its own, which says which span did the work.
func TestEveryObjectOfABatchHasItsTrace(t *testing.T) {
	r := newReceiver(t)
	s := harness.Start(t, harness.WithoutReactor())
	var keys []string
	for i := range 20 {
		keys = append(keys, coin.AssetsKey(fmt.Sprintf("%d.json", i)))
		s.Put(t, keys[i], coin.Assets(coin.Day(time.June, 1+i), coin.Asset("bitcoin", "1", "1")), nil)
	}
	s.StartReactor(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+r.URL, "OTEL_BSP_SCHEDULE_DELAY=50")
	s.Wait(t, keys...)
	const promote = "promote silver.asset_snapshots"
	linked := 0
	for _, key := range keys {
		var spans []span
		harness.Eventually(t, "the trace of "+key+" has come to silver", func() bool {
			spans = r.trace(key)
			return slices.Contains(names(spans), promote) && whole(spans)
		})
		connected(t, spans)
		own := spans[slices.IndexFunc(spans, func(s span) bool { return s.name == promote })]
		linked += min(1, len(own.links))
	}
	if linked < len(keys)-1 {
		t.Errorf("%d of %d objects are linked with the batch that they came in", linked, len(keys))
	}
}
