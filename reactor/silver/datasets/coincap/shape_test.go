package coincap_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"millrace/reactor/silver"
	"millrace/reactor/silver/silvertest"
)

// shapes is a sink that keeps the shape of an object.
type shapes struct {
	silvertest.Discard
	seen []silver.Shape
}

func (s *shapes) Seen(shape silver.Shape) { s.seen = append(s.seen, shape) }

// told gives the columns whose field no row has, and those that are there and null in each row.
func told(t *testing.T, d *silver.Dataset, s silver.Shape) (lost, null []string) {
	t.Helper()
	for i, column := range d.Columns() {
		if s.Absent[i] == s.Read {
			lost = append(lost, column)
		} else if s.Nulls[i] == s.Read {
			null = append(null, column)
		}
	}
	return lost, null
}

// What an object's rows had and lacked is the same in each format, and costs no row.
func TestShapeOfAnObject(t *testing.T) {
	const row = `{"id":"%s","timestamp":1795420799000,"rank":"1","symbol":"S","name":"N","supply":"1","maxSupply":null,"marketCapUsd":"1","volumeUsd24Hr":"1","priceUSD":"1","changePercent24Hr":"1","vwap24Hr":"1","explorer":"e"}`
	rows := []string{fmt.Sprintf(row, "a"), fmt.Sprintf(row, "b"), `{"id":"","timestamp":1795420799000,"priceUsd":-1,"fee":1}`}
	list, lines := "["+strings.Join(rows, ",")+"]", strings.Join(rows, "\n")+"\nno row\n"
	for _, c := range []struct {
		file string
		body []byte
		rows int64
	}{
		{"x.json", []byte(`{"timestamp":1795420799000,"data":` + list + `}`), 3},
		{"x.json", []byte(`{"data":` + list + `,"timestamp":1795420799000}`), 3},
		{"x.json", []byte(list), 3},
		{"x.json.gz", []byte(packed(list)), 3},
		{"x.ndjson", []byte(lines), 4},
		{"x.ndjson.gz", []byte(packed(lines)), 4},
	} {
		t.Run(c.file, func(t *testing.T) {
			s := &shapes{}
			if err := coincap.Assets.Decode(t.Context(), silvertest.Source(coincap.Assets, c.file), silvertest.Bytes(c.body), s); err != nil {
				t.Fatal(err)
			}
			if len(s.seen) != 1 || s.seen[0].Rows != c.rows || s.seen[0].Read != 3 || s.seen[0].Refused != c.rows-2 || s.seen[0].Kind != "" {
				t.Fatalf("%+v", s.seen)
			}
			lost, null := told(t, coincap.Assets, s.seen[0])
			// The refused row has a price: it counts as read, whatever its id.
			if want := []string{"tokens"}; !slices.Equal(lost, want) {
				t.Errorf("no row has %v, want %v", lost, want)
			}
			if want := []string{"max_supply"}; !slices.Equal(null, want) {
				t.Errorf("null in all rows is %v, want %v", null, want)
			}
			if want := []string{"fee", "priceUSD"}; !slices.Equal(s.seen[0].Unknown, want) {
				t.Errorf("unknown are %v, want %v", s.seen[0].Unknown, want)
			}
		})
	}
}

// A column of a Parquet file is there where all of its values are null; one that is not there is absent.
func TestShapeOfParquet(t *testing.T) {
	s := &shapes{}
	src := silvertest.Source(coincap.Assets, "x.parquet")
	src.ModifiedAt = src.ModifiedAt.AddDate(0, 0, 7)
	if err := coincap.Assets.Decode(t.Context(), src, silvertest.Bytes(pyarrow(t, "polars.parquet")), s); err != nil || len(s.seen) != 1 {
		t.Fatal(err, s.seen)
	}
	lost, null := told(t, coincap.Assets, s.seen[0])
	if want := []string{"rank", "symbol", "name", "supply", "market_cap_usd", "volume_usd_24h", "change_percent_24h", "vwap_24h", "explorer"}; !slices.Equal(lost, want) {
		t.Errorf("absent are %v, want %v", lost, want)
	}
	if want := []string{"max_supply", "price_usd", "tokens"}; !slices.Equal(null, want) {
		t.Errorf("null are %v, want %v", null, want)
	}
}

// A point names neither asset nor interval, and that is no lack of it. The interval tells objects apart.
func TestShapeOfAHistory(t *testing.T) {
	s := &shapes{}
	body := `{"data":[{"priceUsd":"1","date":"2025-04-27T00:00:00.000Z"},{"priceUsd":"2","time":1745798400000}]}`
	if err := coincap.History.Decode(t.Context(), silvertest.Source(coincap.History, "bitcoin_d1_x.json"), silvertest.Bytes(body), s); err != nil || len(s.seen) != 1 {
		t.Fatal(err, s.seen)
	}
	lost, _ := told(t, coincap.History, s.seen[0])
	if s.seen[0].Kind != "d1" || !slices.Equal(lost, []string{"circulating_supply"}) || s.seen[0].Absent[2] != 0 {
		t.Errorf("kind %q lacks %v: %+v", s.seen[0].Kind, lost, s.seen[0])
	}
}

// Names are bounded in number and length, whatever an object brings.
func TestShapesAreBounded(t *testing.T) {
	var b strings.Builder
	for i := range 200 {
		fmt.Fprintf(&b, `{"id":"a%d","timestamp":1795420799000`, i)
		for j := range 300 {
			fmt.Fprintf(&b, `,"%s%d":1`, strings.Repeat("x", j), i)
		}
		b.WriteString("}\n")
	}
	s := &shapes{}
	if err := coincap.Assets.Decode(t.Context(), silvertest.Source(coincap.Assets, "x.ndjson"), silvertest.Bytes(b.String()), s); err != nil || len(s.seen) != 1 {
		t.Fatal(err)
	}
	if n := len(s.seen[0].Unknown); n != 64 || !slices.IsSorted(s.seen[0].Unknown) || len(slices.MaxFunc(s.seen[0].Unknown, func(a, b string) int { return len(a) - len(b) })) > 128 {
		t.Errorf("%d names: %q", n, s.seen[0].Unknown)
	}
}

// What a table's rows tell of an object is what its decoding told, but that nulls count as absent. Originals in extra are known.
func TestShapeFromRows(t *testing.T) {
	got := coincap.Assets.ShapeOf("", 20, []int64{20, 20, 0, 15, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20}, `{"fee":"1","priceUsd":"0.12345678901234567890123456789"}`)
	if got.Rows != 20 || got.Read != 20 || got.Absent[2] != 20 || got.Nulls[3] != 5 || got.Absent[9] != 0 || !slices.Equal(got.Unknown, []string{"fee"}) {
		t.Errorf("%+v", got)
	}
}
