package coincap_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"millrace/reactor/silver/silvertest"
)

// Spark and pandas name lines .json. They are read as the same lines in an .ndjson, whatever the name.
func TestLinesThatAreNamedJSON(t *testing.T) {
	row := func(id string) string { return `{"id":"` + id + `",` + stamp + `,"priceUsd":"1"}` }
	for name, body := range map[string]string{
		"two rows":           row("a") + "\n" + row("b") + "\n",
		"without a last end": row("a") + "\n" + row("b"),
		"one row":            row("a"),
		"one row, ended":     row("a") + "\n",
		"Windows' ends":      row("a") + "\r\n" + row("b") + "\r\n",
		"a broken one":       row("a") + "\n{\"id\":\n" + row("b") + "\n",
		"own times":          row("a") + "\n" + `{"timestamp":1795420000000,"id":"b"}` + "\n" + `{"id":"c"}`,
		"more than 1 MiB":    strings.Repeat(row("a")+"\n", 30_000),
	} {
		for from, to := range map[string]string{"x.json": "x.ndjson", "x.json.gz": "x.ndjson.gz"} {
			content := body
			if strings.HasSuffix(from, ".gz") {
				content = packed(body)
			}
			src := silvertest.Source(coincap.Assets, from)
			got, err := silvertest.Decode(t, coincap.Assets, src, []byte(content))
			want, wantErr := silvertest.Decode(t, coincap.Assets, silvertest.Source(coincap.Assets, to), []byte(content))
			if err != nil || wantErr != nil {
				t.Errorf("%s, %s: %v; as %s %v", name, from, err, to, wantErr)
				continue
			}
			for _, r := range append(append([]silvertest.Row{}, want.Good...), want.Refused...) {
				r["source_key"] = src.Key
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s, %s: %.300s; as %s %.300s", name, from, fmt.Sprint(got), to, fmt.Sprint(want))
			}
		}
	}
	points := `{"priceUsd":"1","time":1795392000000}` + "\n" + `{"priceUsd":"2","date":"2026-11-22"}`
	if s, err := silvertest.Decode(t, coincap.History, silvertest.Source(coincap.History, "bitcoin_d1_x.json"), []byte(points)); err != nil || len(s.Good) != 2 {
		t.Errorf("history: %v, %v", s, err)
	}
}

// Objects that lack what a row needs are no rows: an error body stays a dead letter, and lines of something else say their name.
func TestObjectsThatAreNoLines(t *testing.T) {
	for body, want := range map[string]string{
		`{"error":"quota"}`:                           `it has no "data": "{\"error\":\"quota\"}"; ` + wantAssets,
		`{"error":"quota","timestamp":1795420799000}`: `it has no "data": `,
		`{"name":"RateLimit","message":"x"}` + "\n":   `it has no "data": `,
		"{\n\"id\":\"a\",\n" + stamp + "\n}":          `it has no "data": `,
		`{"symbol":"A"}` + "\n" + `{"symbol":"B"}`:    `another object follows: one JSON object a line must be named .ndjson`,
		assets(good) + "\n" + assets(good):            `several values, one a line, must be named .ndjson`,
	} {
		_, err := silvertest.Decode(t, coincap.Assets, silvertest.Source(coincap.Assets, "x.json"), []byte(body))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", body, err, want)
		}
	}
}
