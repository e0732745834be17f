package promote_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"millrace/infra/bucket"
	"millrace/reactor/event"
	"millrace/reactor/tables"
)

// lines are rows of a coin every ten minutes, as many as make a large object.
func lines(coin string, from time.Time) []string {
	const n = 40_000
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(`{"id":%q,"timestamp":%d,"priceUsd":"%d.%04d","name":%q}`, coin, from.Add(time.Duration(i)*10*time.Minute).UnixMilli(), 1+i%7, i%9973, strings.Repeat("n", 60))
	}
	return all
}

// A large object becomes the same rows by the short way, alone, as by the long way, in a batch with another one.
func TestALargeObjectIsTheSameByBothWays(t *testing.T) {
	client := store(t)
	short, long := openSilver(t, client, "short"), openSilver(t, client, "long")
	said := &bytes.Buffer{}
	short.cfg.Log = slog.New(slog.NewTextHandler(said, &slog.HandlerOptions{Level: slog.LevelDebug}))
	short.promoter = short.anew()
	if err := short.promoter.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	b := bucket.Bucket{Client: client, Name: "short"}
	at := func(year int) time.Time { return time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC) }
	refused := lines("c", at(2010))
	refused[7], refused[20_000] = `{"id":"c","timestamp":"soon"}`, "no JSON"
	later, repeated := lines("c", at(2020)), lines("c", at(2022))
	broken := packed(t, later)
	for i, c := range []struct {
		name, ext, body string
		merged          bool
	}{
		{"rows that are new and in order, and two that are refused", "ndjson", text(refused), false},
		{"keys that are there", "ndjson", text(lines("c", at(2010))), true},
		{"a last row with the key of the first", "ndjson", text(append(repeated, repeated[0])), true},
		{"an end that cannot be read", "ndjson.gz", broken[:len(broken)-9], false},
		{"the whole of it", "ndjson.gz", broken, false},
		{"months that come again with another coin", "ndjson", text(append(lines("d", at(2012)), lines("e", at(2012))...)), true},
		{"no row but refused ones", "ndjson", strings.Repeat(`{"id":"c","timestamp":"`+strings.Repeat("x", 400)+"\"}\n", 12_000), false},
	} {
		said.Reset()
		o := putBody(t, b, fmt.Sprintf("bronze/coincap/assets/ingest_date=2026-03-01/%d.%s", i, c.ext), c.body)
		small := putBody(t, b, fmt.Sprintf("bronze/coincap/assets/ingest_date=2026-03-01/%d-small.ndjson", i), `{"id":"small","timestamp":1700000000000,"priceUsd":"1"}`)
		short.handle(event.Delivery{Object: o, Attempt: 1})
		short.handle(event.Delivery{Object: small, Attempt: 1})
		long.handle(event.Delivery{Object: o, Attempt: 1}, event.Delivery{Object: small, Attempt: 1})
		if merged := strings.Contains(said.String(), "takes the long way"); merged != c.merged {
			t.Errorf("%s: it was merged: %t, want %t", c.name, merged, c.merged)
		}
		for _, table := range []string{assets().TableName(), tables.Rejected} {
			const digest = "select count(*) || ' ' || coalesce(sum(hash(r)), 0) from found r"
			if got, want := short.ask(table, digest), long.ask(table, digest); got != want {
				t.Fatalf("%s: %s has by the short way %s, by the long one %s", c.name, table, got, want)
			} else {
				t.Logf("%s: %s %s", c.name, table, got)
			}
		}
	}
}

func text(lines []string) string { return strings.Join(lines, "\n") + "\n" }

// packed is gzip that is as large as the text.
func packed(t *testing.T, lines []string) string {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.NoCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write([]byte(text(lines))); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
