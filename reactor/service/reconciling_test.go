package service_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7/pkg/notification"

	"millrace/infra/minio"
	"millrace/tests/harness/coin"
)

// Events go with a broker that dies. The next turn of the reconciler is five minutes away, and the store's own queue may be long.
func TestWhatTheBrokerLostIsFoundWhenItIsBack(t *testing.T) {
	h := newHouse(t)
	h.start()
	h.eventually("the first pass is over", func() bool {
		_, metrics := h.get("/metrics")
		return strings.Contains(metrics, `millrace_reconcile_duration_seconds_count{scope="all"} 1`)
	})
	if err := h.client.SetBucketNotification(context.Background(), h.bucket.Name, notification.Configuration{}); err != nil {
		t.Fatal(err)
	}
	key := coin.HistoryKey("bitcoin_d1_x.json")
	h.put(key, coin.Points(coin.Point(coin.Day(time.June, 1), "5")))
	if err := minio.SetRules(context.Background(), h.client, h.bucket.Name); err != nil {
		t.Fatal(err)
	}
	if err := h.js.Conn().ForceReconnect(); err != nil {
		t.Fatal(err)
	}
	h.wait(key)
}
