package coincap_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"millrace/reactor/silver"
	"millrace/reactor/silver/silvertest"
)

// pyarrow reads a small file that pyarrow 26.0.1 wrote, with pq.write_table and pa.table:
//
//	nested.parquet  {'id': ['a', 'b'], 'timestamp': [1795953600000] * 2, 'priceUsd': ['1', '2'], 'tokens': pa.array([[('1', ['0x1'])],
//	                None], pa.map_(pa.string(), pa.list_(pa.string())))}, store_schema=False
//	schema.parquet  {'time': [1795953600000], 'priceUsd': ['1']}
//	flat.parquet    {'id': ['a', 'b'], 'timestamp': [1795953600000] * 2, 'priceUsd': ['1', '2'], 'supply': ['1', '2']}
//	empty.parquet   {'id': pa.array([], pa.string()), 'timestamp': pa.array([], pa.int64())}
//	int96.parquet   {'id': ['a', 'b', 'c'], 'timestamp': 2026-11-22T12:30:00.123456, 9999-12-31, 2026-11-22, 'priceUsd': ['1', '2', '3'],
//	                'tokens': [None] * 3, 'seen': lists of such times}; use_deprecated_int96_timestamps=True, store_schema=False
//	polars.parquet  by Polars 2.1.0: {'id': ['a'], 'timestamp': [1795420799000], 'priceUsd': [None], 'maxSupply': [None], 'tokens': [None]}
//	sums1.parquet   the columns of flat and nested, with 12345 as the first price; write_page_checksum=True, compression='none'
//	sums2.parquet   the same with data_page_version='2.0', compression='zstd'
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

// A page whose checksum is wrong has changed since it was written: its digits may be any. Writers that give checksums are
// few; where there are some, each changed bit of a page is found.
func TestPageChecksums(t *testing.T) {
	for _, file := range []string{"sums1.parquet", "sums2.parquet"} {
		t.Run(file, func(t *testing.T) {
			body, src := pyarrow(t, file), silvertest.Source(coincap.Assets, "x.parquet")
			src.ModifiedAt = src.ModifiedAt.AddDate(0, 0, 7)
			whole, err := silvertest.Decode(t, coincap.Assets, src, body)
			if err != nil || len(whole.Good) != 2 || whole.Good[0]["price_usd"] != "12345" {
				t.Fatalf("unchanged: %v, %v", whole, err)
			}
			if file == "sums1.parquet" {
				changed := bytes.Replace(body, []byte("12345"), []byte("12346"), 1)
				_, err := silvertest.Decode(t, coincap.Assets, src, changed)
				if err == nil || !strings.Contains(err.Error(), `page 1 of "priceUsd"`) || !strings.Contains(err.Error(), "its bytes are not those of its checksum") {
					t.Errorf("a changed digit: %v", err)
				}
			}
			pages := len(body) - 8 - int(binary.LittleEndian.Uint32(body[len(body)-8:]))
			found, tried := 0, 0
			for n := 0; n < 8*pages; n += 3 {
				tried++
				changed := bytes.Clone(body)
				changed[n/8] ^= 1 << (n % 8)
				s, err := silvertest.Decode(t, coincap.Assets, src, changed)
				if err != nil {
					found++
					continue
				}
				for i, r := range s.Good {
					if r["price_usd"] != whole.Good[i]["price_usd"] || r["asset_id"] != whole.Good[i]["asset_id"] {
						t.Fatalf("bit %d changed row %d to %v", n, i, r)
					}
				}
			}
			if found < tried/2 { // the others are in what page headers say besides
				t.Errorf("%d of %d changed bits were found", found, tried)
			}
		})
	}
}

// pyarrow lets the columns of a table without rows begin at one byte. There is nothing wrong with it.
func TestParquetWithoutRows(t *testing.T) {
	s, err := silvertest.Decode(t, coincap.Assets, silvertest.Source(coincap.Assets, "x.parquet"), pyarrow(t, "empty.parquet"))
	if err != nil || len(s.Good)+len(s.Refused) > 0 {
		t.Errorf("%v, %v", s, err)
	}
}

// A list of 300,000 equal values takes a few bytes of file. Its row is too large, and its neighbours are not.
func TestParquetOfALongList(t *testing.T) {
	schema := schemaOf(arrow.Field{Name: "id", Type: arrow.BinaryTypes.String}, arrow.Field{Name: "timestamp", Type: arrow.PrimitiveTypes.Int64}, arrow.Field{Name: "l", Type: arrow.ListOf(arrow.PrimitiveTypes.Int8)})
	body := parquetOf(t, schema, func(b *array.RecordBuilder) {
		for _, n := range []int{0, 300_000, 1} {
			b.Field(0).(*array.StringBuilder).Append("a")
			b.Field(1).(*array.Int64Builder).Append(1795420799000)
			l := b.Field(2).(*array.ListBuilder)
			l.Append(true)
			l.ValueBuilder().AppendNulls(n)
		}
	})
	s, err := silvertest.Decode(t, coincap.Assets, silvertest.Source(coincap.Assets, "x.parquet"), body)
	if err != nil || len(s.Good) != 2 || len(s.Refused) != 1 || s.Refused[0]["reason"] != "is larger than 1 MiB" {
		t.Errorf("%d rows, %d refused, %v", len(s.Good), len(s.Refused), err)
	}
}
