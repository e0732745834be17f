package bronze

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseKey(t *testing.T) {
	day := DayOf(time.Date(2025, 6, 1, 23, 59, 59, 999e6, time.UTC))
	tests := []struct {
		key  string
		want Key
		err  string
	}{
		{key: "bronze/coincap/assets/ingest_date=2025-06-01/x.json", want: Key{"coincap", "assets", day, "x", "json"}},
		{key: "bronze/coincap/history/ingest_date=2025-06-01/bitcoin_d1_0.ndjson.gz", want: Key{"coincap", "history", day, "bitcoin_d1_0", "ndjson.gz"}},
		{key: "bronze/coincap/assets/x.parquet", want: Key{"coincap", "assets", Day{}, "x", "parquet"}},
		{key: "bronze/coincap/assets/ingest_date=2025-06-01/hour=07/x.json.gz", want: Key{"coincap", "assets", day, "hour=07/x", "json.gz"}},
		{key: "bronze/coincap/assets/eu/ingest_date=2025-06-01/x.json", want: Key{"coincap", "assets", Day{}, "eu/ingest_date=2025-06-01/x", "json"}},
		{key: "bronze/coincap/assets/ingest_date=2025-02-30/x.json", want: Key{"coincap", "assets", Day{}, "ingest_date=2025-02-30/x", "json"}},
		{key: "bronze/coincap/assets/ingest_date=2025-06-01.json", want: Key{"coincap", "assets", Day{}, "ingest_date=2025-06-01", "json"}},
		{key: "bronze/coincap/assets/a +%é.json", want: Key{"coincap", "assets", Day{}, "a +%é", "json"}},
		{key: "silver/coincap/assets/x.json", err: "does not begin with bronze/"},
		{key: "bronze/coincap/x.json", err: "is not bronze/<source>/<dataset>"},
		{key: "bronze//assets/x.json", err: "is not bronze/<source>/<dataset>"},
		{key: "bronze/coincap/assets/x.csv", err: "none of the extensions json, json.gz, ndjson, ndjson.gz, parquet"},
		{key: "bronze/coincap/assets/ingest_date=2025-06-01/", err: "none of the extensions"},
		{key: "bronze/coincap/assets/.json", err: "no file name before .json"},
		{key: "bronze/coincap/assets/folder/.ndjson.gz", err: "no file name before .ndjson.gz"},
	}
	for _, tt := range tests {
		t.Run(tt.key, func(t *testing.T) {
			got, err := ParseKey(tt.key)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) || !strings.Contains(err.Error(), tt.key) {
					t.Fatalf("error %v does not say %q", err, tt.err)
				}
				return
			}
			if err != nil || got != tt.want {
				t.Fatalf("got %+v, %v; want %+v", got, err, tt.want)
			}
			if got.String() != tt.key {
				t.Errorf("written again it is %s", got)
			}
		})
	}
}

func drawKey(t *rapid.T) Key {
	part := rapid.StringMatching(`[a-z0-9][a-z0-9_-]{0,8}`)
	place := Place{part.Draw(t, "source"), part.Draw(t, "dataset"), part.Draw(t, "stem"), rapid.SampledFrom(extensions).Draw(t, "ext")}
	return place.Key(drawDay(t), rapid.SliceOf(rapid.Byte()).Draw(t, "body"))
}

func drawDay(t *rapid.T) Day { return DayOfUnix(rapid.Int32Range(0, lastDay-1).Draw(t, "day")) }

func TestEveryValidKeyRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := drawKey(t)
		if err := k.Validate(); err != nil {
			t.Fatal(err)
		}
		back, err := ParseKey(k.String())
		if err != nil || back != k {
			t.Fatalf("%s read back as %+v, %v", k, back, err)
		}
	})
}

func TestKeyFollowsTheBytes(t *testing.T) {
	day := DayOfUnix(20000)
	place := Place{"coincap", "assets", "assets", JSON}
	a := place.Key(day, []byte("a"))
	if again := place.Key(day, []byte("a")); again != a {
		t.Errorf("the same bytes are %s and %s", a, again)
	}
	if other := place.Key(day, []byte("b")); other == a {
		t.Errorf("other bytes are the same key %s", a)
	}
	if want := "bronze/coincap/assets/ingest_date=2024-10-04/assets_ca978112ca1b.json"; a.String() != want {
		t.Errorf("key is %s, want %s", a, want)
	}
}

func TestKeyValidate(t *testing.T) {
	good := Key{"coincap", "assets", DayOfUnix(20000), "x", JSON}
	tests := []struct {
		change func(*Key)
		want   string
	}{
		{func(k *Key) { k.Source = "Coin Cap" }, "the source"},
		{func(k *Key) { k.Dataset = "a/b" }, "the dataset"},
		{func(k *Key) { k.IngestDate = Day{} }, "the ingest date is missing"},
		{func(k *Key) { k.Name = "../x" }, "the name"},
		{func(k *Key) { k.Ext = "csv" }, "the extension"},
	}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		k := good
		tt.change(&k)
		if err := k.Validate(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: error %v does not say %q", k, err, tt.want)
		}
	}
}

func TestDayRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := drawDay(t)
		back, err := ParseDay(d.String())
		if err != nil || back != d {
			t.Fatalf("%s read back as %s, %v", d, back, err)
		}
		if DayOfUnix(d.Unix()) != d || DayOf(d.Start()) != d || DayOf(d.Start().Add(24*time.Hour-1)) != d {
			t.Fatalf("%s does not survive its number or its first or last instant", d)
		}
		n := rapid.IntRange(-20000, 20000).Draw(t, "n")
		if moved := d.Add(n); !moved.IsZero() && moved.Sub(d) != n {
			t.Fatalf("%s + %d days = %s, %d days away", d, n, moved, moved.Sub(d))
		}
	})
}

func TestDayEdges(t *testing.T) {
	for _, s := range []string{"", "2025-6-1", "2025-02-29", "1969-12-31", "2025-06-01T00:00:00Z", " 2025-06-01", "99999-01-01"} {
		if d, err := ParseDay(s); err == nil {
			t.Errorf("%q is read as %s", s, d)
		}
	}
	first, last := DayOfUnix(0), DayOfUnix(lastDay-1)
	if first.String() != "1970-01-01" || last.String() != "9999-12-31" {
		t.Errorf("the range is %s to %s", first, last)
	}
	if !first.Add(-1).IsZero() || !last.Add(1).IsZero() || !(Day{}).Add(1).IsZero() || !DayOf(time.Time{}).IsZero() || !DayOfUnix(lastDay).IsZero() {
		t.Error("what leaves the range is a day")
	}
	if !first.Before(last) || !last.After(first) || first.Compare(first) != 0 || !(Day{}).Before(first) {
		t.Error("days are in the wrong order")
	}
	if s := (Day{}).String(); s != "" || !(Day{}).Start().IsZero() {
		t.Errorf("no day is %q", s)
	}
	cet := time.Date(2025, 6, 2, 0, 30, 0, 0, time.FixedZone("CEST", 7200))
	if d := DayOf(cet); d.String() != "2025-06-01" {
		t.Errorf("%s is on %s UTC", cet, d)
	}
	var d Day
	if err := d.UnmarshalText([]byte("2025-06-01")); err != nil || d.String() != "2025-06-01" {
		t.Errorf("text is read as %s, %v", d, err)
	}
	if err := d.UnmarshalText([]byte("soon")); err == nil {
		t.Error("\"soon\" is a day")
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add("bronze/coincap/assets/ingest_date=2025-06-01/x.json")
	f.Add("bronze/coincap/history/ingest_date=2025-06-01/a/b_d1_.ndjson.gz")
	f.Add("bronze/coincap/assets/ingest_date=0000-00-00/é +%.parquet")
	f.Add("bronze///.json")
	f.Fuzz(func(t *testing.T, text string) {
		k, err := ParseKey(text)
		if err != nil {
			return
		}
		if k.Source == "" || k.Dataset == "" || k.Name == "" {
			t.Errorf("%q is read with an empty part: %+v", text, k)
		}
		if k.String() != text {
			t.Errorf("%q is written as %q", text, k)
		}
	})
}
