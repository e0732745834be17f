// Package coin writes what CoinCap answers, so that tests can put it into bronze: snapshots of /assets, points of
// /assets/{slug}/history, and the keys under which they lie.
package coin

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"
	"time"
)

// Day is the midnight of a day in 2025. The pipeline refuses times that lie ahead of an object's own, so it has to be past.
func Day(month time.Month, dayOfMonth int) time.Time {
	return time.Date(2025, month, dayOfMonth, 0, 0, 0, 0, time.UTC)
}

// Asset is an element of /assets.
func Asset(id, price, marketCap string) string {
	return fmt.Sprintf(`{"id":%q,"rank":"1","symbol":"X","name":"Name of %s","supply":"1000.5","maxSupply":null,"marketCapUsd":%q,"volumeUsd24Hr":"12.5","priceUsd":%q,"changePercent24Hr":"-0.25","vwap24Hr":null}`, id, id, marketCap, price)
}

// Assets is an answer of /assets.
func Assets(at time.Time, list ...string) []byte {
	return fmt.Appendf(nil, `{"timestamp":%d,"data":[%s]}`, at.UnixMilli(), strings.Join(list, ","))
}

// Point is an element of /assets/{slug}/history.
func Point(at time.Time, price string) string {
	return fmt.Sprintf(`{"priceUsd":%q,"time":%d,"date":%q}`, price, at.UnixMilli(), at.Format("2006-01-02T15:04:05.000Z"))
}

// Points is an answer of /assets/{slug}/history.
func Points(list ...string) []byte {
	return []byte(`{"data":[` + strings.Join(list, ",") + `]}`)
}

// About is the metadata that says whose history an object holds.
func About(id, interval string) map[string]string {
	return map[string]string{"asset-id": id, "interval": interval}
}

// AssetsKey is the key of an object in the dataset coincap/assets.
func AssetsKey(name string) string {
	return "bronze/coincap/assets/ingest_date=2025-06-30/" + name
}

// HistoryKey is the key of an object in the dataset coincap/history.
func HistoryKey(name string) string {
	return "bronze/coincap/history/ingest_date=2025-06-30/" + name
}

// Compressed is a body as gzip.
func Compressed(t testing.TB, body []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
