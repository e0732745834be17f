package pipeline_test

import (
	"encoding/json"
	"testing"
	"time"

	s3 "github.com/minio/minio-go/v7"

	"millrace/tests/stack"
)

// A check that cannot fail proves nothing: here bronze is made another one than the tables were computed from.
func TestCheckTellsTablesThatAreNotWhatBronzeGives(t *testing.T) {
	s := stack.Start(t)
	keep, remove, refused := assetsKey("keep.json"), assetsKey("remove.json"), assetsKey("refused.json")
	s.Put(t, keep, assets(day(time.June, 1), asset("bitcoin", "1", "1"), asset("ethereum", "1", "1")), nil)
	removed := s.Put(t, remove, assets(day(time.June, 2), asset("bitcoin", "2", "1")), nil)
	s.Put(t, refused, assets(day(time.June, 1), `{"id":"bitcoin","priceUsd":"-1"}`), nil)
	s.Put(t, historyKey("bitcoin_d1_x.json"), points(point(day(time.June, 1), "5")), nil)
	s.Wait(t, keep, remove, refused, historyKey("bitcoin_d1_x.json"))
	before := checkEqual(t, s)

	if err := s.Client().RemoveObject(t.Context(), s.Bucket(), remove, s3.RemoveObjectOptions{VersionID: removed.VersionID}); err != nil {
		t.Fatal(err)
	}
	r := s.Run(t, "reactor", "check", "--output", "json")
	var verdicts []verdict
	if err := json.Unmarshal([]byte(r.Stdout), &verdicts); err != nil || r.Code != 1 {
		t.Fatalf("want exit code 1 and the verdicts: %v, %s", err, r)
	}
	excess := map[string]int{"silver.asset_snapshots": 1, "gold.daily_summary": 1, "gold.rolling_averages": 1, "gold.rankings": 1, "gold.market_summary": 1}
	for _, v := range verdicts {
		if v.Missing != 0 || v.Excess != excess[v.Table] || v.Equal != (excess[v.Table] == 0) || v.Digest != before[v.Table].Digest || v.Rows != before[v.Table].Rows {
			t.Errorf("%+v: want %d rows that bronze does not give any more, and before %+v", v, excess[v.Table], before[v.Table])
		}
	}
}
