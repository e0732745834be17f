package coincap_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millrace/reactor/silver"
	"millrace/reactor/silver/coincap"
	"millrace/reactor/silver/silvertest"
)

// pyarrow reads a small file that pyarrow 26.0.1 wrote, with pq.write_table and pa.table:
//
//	nested.parquet  {'id': ['a', 'b'], 'timestamp': [1795953600000] * 2, 'priceUsd': ['1', '2'], 'tokens': pa.array([[('1', ['0x1'])],
//	                None], pa.map_(pa.string(), pa.list_(pa.string())))}, store_schema=False
//	schema.parquet  {'time': [1795953600000], 'priceUsd': ['1']}
//	flat.parquet    {'id': ['a', 'b'], 'timestamp': [1795953600000] * 2, 'priceUsd': ['1', '2'], 'supply': ['1', '2']}
func pyarrow(t testing.TB, name string) []byte {
	body, err := os.ReadFile(filepath.Join("testdata", "pyarrow", name))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// Single bytes that ended the process, asked for more memory than the machine has, or made the object be tried for ever.
func TestDamagedParquet(t *testing.T) {
	for _, c := range []struct {
		name, file string
		at         int
		change     func(byte) byte
		want       string // the reason; none: its rows are read
	}{
		{"the sign of a chunk's length", "nested.parquet", 954, func(b byte) byte { return b ^ 1 }, `its Parquet is broken: "tokens.key_value.value.list.element" claims -`},
		{"a letter of ARROW:schema", "schema.parquet", 444, func(byte) byte { return 'B' }, ""},
		{"the sign of a page's offset", "flat.parquet", 677, func(b byte) byte { return b ^ 1 }, `its Parquet is broken: "supply" claims to begin at byte -261`},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, name := coincap.Assets, "x.parquet"
			if c.file == "schema.parquet" {
				d, name = coincap.History, "bitcoin_d1_x.parquet"
			}
			body, src := pyarrow(t, c.file), silvertest.Source(d, name)
			src.ModifiedAt = src.ModifiedAt.AddDate(0, 0, 7)
			whole, err := silvertest.Decode(t, d, src, body)
			if err != nil || len(whole.Good) == 0 || len(whole.Refused) > 0 {
				t.Fatalf("unchanged: %v, %v", whole, err)
			}
			body[c.at] = c.change(body[c.at])
			s, err := silvertest.Decode(t, d, src, body)
			if c.want == "" {
				if err != nil || len(s.Good) != len(whole.Good) {
					t.Errorf("%d rows, %v; want them as they were", len(s.Good), err)
				}
				return
			}
			var u *silver.Unreadable
			if !errors.As(err, &u) || !strings.HasPrefix(u.Reason, c.want) {
				t.Errorf("%v, want unreadable: %s", err, c.want)
			}
		})
	}
}
