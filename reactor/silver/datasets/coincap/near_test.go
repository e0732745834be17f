package coincap_test

import (
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"millrace/reactor/silver/silvertest"
)

// A name that is nearly right is named: ID for id.
func TestNearNames(t *testing.T) {
	for body, want := range map[string]string{
		assets(`{"ID":"a"}`):           `id: is missing; there is "ID", and names are exact: write id`,
		assets(`{"Asset-Id":"a"}`):     `id: is missing; there is "Asset-Id", and names are exact: write asset_id`,
		assets(`{"identity":"a"}`):     `id: is missing`,
		assets(`{"ID":"a","id":null}`): `id: is null`,
	} {
		s, err := silvertest.Decode(t, coincap.Assets, silvertest.Source(coincap.Assets, "x.json"), []byte(body))
		if err != nil || len(s.Refused) != 1 || s.Refused[0]["field"]+": "+s.Refused[0]["reason"] != want {
			t.Errorf("%s: %v, %v; want %s", body, s, err, want)
		}
	}
	for file, want := range map[string]string{
		`{"data":[{"id":"a","Timestamp":1795420799000}]}`: `timestamp is nowhere; there is "Timestamp", and names are exact: write timestamp: neither`,
	} {
		_, err := silvertest.Decode(t, coincap.Assets, silvertest.Source(coincap.Assets, "x.json"), []byte(file))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %s", file, err, want)
		}
	}
	body := parquetOf(t, schemaOf(arrow.Field{Name: "note", Type: arrow.BinaryTypes.String}, arrow.Field{Name: "PRICEUSD", Type: arrow.BinaryTypes.String}), func(b *array.RecordBuilder) {
		b.Field(0).AppendNull()
		b.Field(1).AppendNull()
	})
	_, err := silvertest.Decode(t, coincap.History, silvertest.Source(coincap.History, "bitcoin_d1_x.parquet"), body)
	if err == nil || !strings.Contains(err.Error(), `there is "PRICEUSD", and names are exact: write priceUsd`) {
		t.Errorf("Parquet: %v", err)
	}
}

// PowerShell writes UTF-16 when it is not told otherwise.
func TestOtherEncodingsAreNamed(t *testing.T) {
	text := assets(good)
	wide := func(order binary.AppendByteOrder, size int, mark bool) string {
		var b []byte
		if mark {
			text = "\ufeff" + strings.TrimPrefix(text, "\ufeff")
		} else {
			text = strings.TrimPrefix(text, "\ufeff")
		}
		for _, c := range utf16.Encode([]rune(text)) {
			if size == 2 {
				b = order.AppendUint16(b, c)
			} else {
				b = order.AppendUint32(b, uint32(c))
			}
		}
		return string(b)
	}
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		for _, mark := range []bool{true, false} {
			for size, want := range map[int]string{2: "it is UTF-16; JSON is UTF-8, encode it so", 4: "it is UTF-32; JSON is UTF-8, encode it so"} {
				for _, file := range []string{"x.json", "x.ndjson", "x.json.gz"} {
					body := wide(order, size, mark)
					if strings.HasSuffix(file, ".gz") {
						body = packed(body)
					}
					_, err := silvertest.Decode(t, coincap.Assets, silvertest.Source(coincap.Assets, file), []byte(body))
					if err == nil || !strings.HasSuffix(err.Error(), want) {
						t.Errorf("%s, %v, mark %v: %v; want %s", file, order, mark, err, want)
					}
				}
			}
		}
	}
}
