package observe_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"millrace/tests/harness"
	"millrace/tests/harness/coin"
)

// A price that is renamed in a whole response is null and nothing fails: the metric, `reactor tables`, `check` and the log say so.
func TestARenamedFieldIsToldWhereOperatorsLook(t *testing.T) {
	s := harness.Start(t)
	var list []string
	for i := range 20 {
		list = append(list, coin.Asset(fmt.Sprintf("coin-%d", i), "1", "1"))
	}
	renamed := func(body []byte) []byte { return bytes.ReplaceAll(body, []byte(`"priceUsd"`), []byte(`"priceUSD"`)) }
	put := func(name string, body []byte) (key string) {
		t.Helper()
		key = coin.AssetsKey(name)
		s.Put(t, key, body, nil)
		s.Wait(t, key)
		return key
	}
	drifting := func() float64 {
		t.Helper()
		return harness.Metrics(t, s.HTTP)["millrace_drifting_fields{table=silver.asset_snapshots,what=gone}"]
	}
	told := func() string {
		t.Helper()
		for _, row := range harness.Rows[struct {
			Table string
			Drift *string
		}](t, s, "tables") {
			if row.Table == "silver.asset_snapshots" && row.Drift != nil {
				return *row.Drift
			}
		}
		return ""
	}
	put("1.json", coin.Assets(coin.Day(time.June, 1), list...))
	if n, text := drifting(), told(); n != 0 || text != "" {
		t.Errorf("before: %v fields, %q", n, text)
	}
	key := put("2.json.gz", coin.Compressed(t, renamed(coin.Assets(coin.Day(time.June, 2), list...))))
	const finding = "priceUsd is gone, priceUSD is new"
	if n, text := drifting(), told(); n != 1 || text != finding+", since "+key {
		t.Errorf("after: %v fields, %q", n, text)
	}
	check := s.Run(t, "reactor", "check")
	if check.Code != 0 || !strings.Contains(check.Stderr, finding) {
		t.Errorf("check: %s", check)
	}
	put("3.json", coin.Assets(coin.Day(time.June, 3), list...))
	if n, text := drifting(), told(); n != 0 || text != "" {
		t.Errorf("when it is back: %v fields, %q", n, text)
	}
}
