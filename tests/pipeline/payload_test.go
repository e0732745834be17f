package pipeline_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"
	"time"
)

// day is a moment in 2025: the pipeline refuses times that lie ahead of an object's own.
func day(month time.Month, dayOfMonth int) time.Time {
	return time.Date(2025, month, dayOfMonth, 0, 0, 0, 0, time.UTC)
}

// asset is an element of /assets.
func asset(id, price, marketCap string) string {
	return fmt.Sprintf(`{"id":%q,"rank":"1","symbol":"X","name":"Name of %s","supply":"1000.5","maxSupply":null,"marketCapUsd":%q,"volumeUsd24Hr":"12.5","priceUsd":%q,"changePercent24Hr":"-0.25","vwap24Hr":null}`, id, id, marketCap, price)
}

// assets is an answer of /assets.
func assets(at time.Time, list ...string) []byte {
	return fmt.Appendf(nil, `{"timestamp":%d,"data":[%s]}`, at.UnixMilli(), strings.Join(list, ","))
}

// point is an element of /assets/{slug}/history.
func point(at time.Time, price string) string {
	return fmt.Sprintf(`{"priceUsd":%q,"time":%d,"date":%q}`, price, at.UnixMilli(), at.Format("2006-01-02T15:04:05.000Z"))
}

// points is an answer of /assets/{slug}/history.
func points(list ...string) []byte {
	return []byte(`{"data":[` + strings.Join(list, ",") + `]}`)
}

// about is the metadata that says whose history an object is.
func about(id, interval string) map[string]string {
	return map[string]string{"asset-id": id, "interval": interval}
}

func assetsKey(name string) string {
	return "bronze/coincap/assets/ingest_date=2025-06-30/" + name
}

func historyKey(name string) string {
	return "bronze/coincap/history/ingest_date=2025-06-30/" + name
}

func compressed(t testing.TB, body []byte) []byte {
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
