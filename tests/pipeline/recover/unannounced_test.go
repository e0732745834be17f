package recover_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7/pkg/notification"

	"millrace/tests/harness"
	"millrace/tests/harness/coin"
)

// withoutRules puts objects while the bucket has no rules, so that nobody ever sends their events.
func withoutRules(t testing.TB, s *harness.Stack, put func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), harness.Patience)
	defer cancel()
	rules, err := s.Client().GetBucketNotification(ctx, s.Bucket())
	if err != nil || len(rules.QueueConfigs) != 4 {
		t.Fatalf("the bucket's rules: %v, %v", rules, err)
	}
	if err := s.Client().SetBucketNotification(ctx, s.Bucket(), notification.Configuration{}); err != nil {
		t.Fatal(err)
	}
	put()
	if err := s.Client().SetBucketNotification(ctx, s.Bucket(), rules); err != nil {
		t.Fatal(err)
	}
}

func TestReconcileFindsWhatNoEventBrought(t *testing.T) {
	t.Parallel() // it waits more than it works
	s := harness.Start(t)
	came := coin.AssetsKey("came.json")
	s.Put(t, came, coin.Assets(coin.Day(time.June, 1), coin.Asset("bitcoin", "1", "1")), nil)
	s.Wait(t, came)
	lost := []string{coin.AssetsKey("lost.json"), coin.AssetsKey("lost+ é%.json"), coin.HistoryKey("bitcoin_d1_lost.json"), came}
	withoutRules(t, s, func() {
		s.Put(t, lost[0], coin.Assets(coin.Day(time.June, 2), coin.Asset("bitcoin", "2", "1")), nil)
		s.Put(t, lost[1], coin.Assets(coin.Day(time.June, 3), coin.Asset("bitcoin", "3", "1")), nil)
		s.Put(t, lost[2], coin.Points(coin.Point(coin.Day(time.June, 4), "4")), nil)
		s.Put(t, came, coin.Assets(coin.Day(time.June, 1), coin.Asset("bitcoin", "1.5", "1")), nil) // another version of what came
	})
	missed := func() int {
		t.Helper()
		got := harness.Rows[struct{ Missed int }](t, s, "reconcile")
		if len(got) != 1 {
			t.Fatalf("reconcile: %v", got)
		}
		return got[0].Missed
	}
	time.Sleep(6 * time.Second) // for check, an object younger than 5 s is on its way
	if r := s.Run(t, "reactor", "check"); r.Code != 1 || !strings.Contains(r.Stderr, "reactor reconcile") || !strings.Contains(r.Stderr, "lost.json") {
		t.Errorf("check has to tell of objects that were never promoted: %s", r)
	}
	if n := missed(); n != len(lost) {
		t.Errorf("reconcile missed %d objects, want %d", n, len(lost))
	}
	s.Wait(t, lost...)
	s.Settled(t)
	if n := missed(); n != 0 {
		t.Errorf("a second reconcile still misses %d", n)
	}
	if n := s.Count(t, "select count(*) as n from gold.daily_summary where asset_id = 'bitcoin' and close = [1.5, 2, 3, 4][day - date '2025-05-31']"); n != 4 {
		t.Errorf("gold has %d of 4 days", n)
	}
	s.CheckEqual(t)
}

func TestAStartFindsWhatNoEventBrought(t *testing.T) {
	t.Parallel() // it waits more than it works
	s := harness.Start(t, harness.WithoutReactor())
	key := coin.AssetsKey("x.json")
	s.Put(t, key, coin.Assets(coin.Day(time.June, 1), coin.Asset("bitcoin", "1", "1")), nil)
	s.Stop(t) // MinIO has sent, or keeps for later, whatever it has to send
	s.Restart(t)
	js := s.JetStream(t)
	ctx, cancel := context.WithTimeout(context.Background(), harness.Patience)
	defer cancel()
	stream, err := js.Stream(ctx, "RAW")
	if err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, "the copies of both targets are in the stream", func() bool {
		info, err := stream.Info(ctx)
		return err == nil && info.State.Msgs >= 2
	})
	if err := stream.Purge(ctx); err != nil {
		t.Fatal(err)
	}
	s.StartReactor(t)
	s.Wait(t, key)
	s.CheckEqual(t)
}
