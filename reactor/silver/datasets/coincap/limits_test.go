package coincap_test

import (
	"errors"
	"strings"
	"testing"

	"millrace/reactor/silver"
	"millrace/reactor/silver/silvertest"
)

func TestLimitsEndWhatWouldNotEnd(t *testing.T) {
	lines := strings.Repeat(`{`+stamp+`,"id":"bitcoin"}`+"\n", 1000)
	opened := 0
	spaces := repeated{head: "{", row: strings.Repeat(" ", 1000), tail: "}", n: 100_000, packed: true, opened: &opened} // 100 MB in 100 KB
	for _, c := range []struct {
		name, file string
		payload    silver.Payload
		limits     silver.Limits
		says       string // "" when it is within
	}{
		{"rows within", "x.ndjson", silvertest.Bytes(lines), silver.Limits{Rows: 1000}, ""},
		{"rows beyond", "x.ndjson", silvertest.Bytes(lines), silver.Limits{Rows: 999}, "MILLRACE_MAX_ROWS"},
		{"refused rows count", "x.ndjson", silvertest.Bytes(strings.Repeat("{}\n", 11)), silver.Limits{Rows: 10}, "MILLRACE_MAX_ROWS"},
		{"Parquet rows", "x.parquet", silvertest.Bytes(historyParquet(t, 1000)), silver.Limits{Rows: 999}, "MILLRACE_MAX_ROWS"},
		{"Parquet unpacked", "x.parquet", silvertest.Bytes(historyParquet(t, 1000)), silver.Limits{UnpackedBytes: 1000}, "MILLRACE_MAX_UNPACKED_SIZE"},
		{"gzip unpacked", "x.json.gz", spaces, silver.Limits{UnpackedBytes: 10 << 20}, "MILLRACE_MAX_UNPACKED_SIZE"},
	} {
		d := coincap.Assets
		if strings.HasPrefix(c.name, "Parquet") {
			d = coincap.History
		}
		src := silvertest.Source(d, c.file)
		src.Limits = c.limits
		err := d.Decode(t.Context(), src, c.payload, &silvertest.Discard{})
		var bad *silver.Unreadable
		switch {
		case c.says == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.says != "" && (!errors.As(err, &bad) || !bad.Limit || !strings.Contains(bad.Reason, c.says)):
			t.Errorf("%s: %v, want one that names %s", c.name, err, c.says)
		}
	}
	if err := (silver.Limits{ObjectBytes: 5}).Object(6); err == nil || !strings.Contains(err.Error(), "MILLRACE_MAX_OBJECT_SIZE") {
		t.Errorf("a large object: %v", err)
	}
	if err := (silver.Limits{}).Object(1 << 60); err != nil {
		t.Errorf("no limit: %v", err)
	}
}
