package bronze

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestAKeyTellsOfItsOriginal(t *testing.T) {
	const day = "bronze/a/b/ingest_date=2024-05-01/"
	at := time.UnixMilli(1714521600123).UTC()
	for key, want := range map[string]Original{
		day + "at=1714521600123/x.json":                            {StoredAt: at},
		"bronze/a/b/at=1714521600123/deep/x.json":                  {StoredAt: at},
		day + "link=1714521600123-7-3f2c-1/exports/_x/a b.parquet": {StoredAt: at, Key: "exports/_x/a b.parquet", Size: 7, Version: "3f2c-1"},
		day + "link=1714521600123-0-null-9a/e/link=1-1-v/x.json":   {StoredAt: at, Key: "e/link=1-1-v/x.json", Version: "null", ETag: "9a"},
	} {
		got, ok := OriginalOf(key)
		if !ok || got != want || got.Link() != (want.Key != "") {
			t.Errorf("%s: %+v, %v, want %+v", key, got, ok, want)
		}
		place, options := Bytes(key, "v")
		if want.Key != "" && (place != want.Key || options.VersionID != want.Version || options.Header().Get("If-Match") != map[bool]string{true: `"` + want.ETag + `"`}[want.ETag != ""]) {
			t.Errorf("the bytes of %s are at %s, %+v", key, place, options)
		}
		if want.Key == "" && (place != key || options.VersionID != "v") {
			t.Errorf("the bytes of %s are at %s, %+v", key, place, options)
		}
		if why := Ignored(key); why != "" {
			t.Errorf("%s is ignored: %s", key, why)
		}
	}
	for _, key := range []string{
		day + "x.json", day + "at=soon/x.json", day + "at=0/x.json", day + "at=-5/x.json", day + "at=99999999999999999/x.json", day + "at=1.json",
		day + "link=1-1/x.json", day + "link=1-1-/x.json", day + "link=x-1-v/x.json", day + "link=1--1-v/x.json", day + "hour=1/link=1-1-v/x.json", "exports/link=1-1-v/x.json", day + "link=1-1-v/",
	} {
		if got, ok := OriginalOf(key); ok {
			t.Errorf("%s is of %+v", key, got)
		}
	}
}

func TestKeysOfImportsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		path := rapid.StringMatching(`[ -~äé]{1,20}(/[ -~]{1,20}){0,3}`).Filter(func(s string) bool { return !strings.HasSuffix(s, "/") }).Draw(t, "path") + ".json"
		o := Original{
			StoredAt: time.UnixMilli(rapid.Int64Range(1, 4e12).Draw(t, "at")).UTC(), Key: path, Size: rapid.Int64Range(0, 1<<50).Draw(t, "size"),
			Version: rapid.SampledFrom([]string{"null", "0c4b-1", "3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY+MTRCxf3vjVBH40Nr8X8gdRQBpUMLUo"}).Draw(t, "version"),
		}
		if o.Version == "null" {
			o.ETag = "9b2cf535f27731c974343645a3985328-2"
		}
		if got, ok := OriginalOf(LinkKey("a/b", DayOfUnix(20000), o)); !ok || got != o {
			t.Fatalf("%+v became %+v, %v", o, got, ok)
		}
		if got, ok := OriginalOf(CopyKey("a/b", DayOfUnix(20000), o.StoredAt, path)); !ok || got != (Original{StoredAt: o.StoredAt}) {
			t.Fatalf("a copy of %+v became %+v, %v", o, got, ok)
		}
	})
}
