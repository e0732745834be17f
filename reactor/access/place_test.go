package access_test

import (
	"errors"
	"strings"
	"testing"

	"millrace/reactor/access"
)

func TestATableMayLieInItsOwnFolderOnly(t *testing.T) {
	for location, want := range map[string]access.Place{
		"s3://lakehouse/silver/asset_prices":                "silver/asset_prices",
		"s3://lakehouse/silver/asset_prices/":               "silver/asset_prices",
		"s3a://lakehouse/gold/rankings":                     "gold/rankings",
		"s3://lakehouse/tables/lab/t":                       "tables/lab/t",
		"s3://lakehouse/tables/lab/day=2026-01-01/t+1":      "tables/lab/day=2026-01-01/t+1",
		"s3://lakehouse/tables/a%20b/t":                     "tables/a%20b/t",
		"s3://lakehouse/silver":                             "",
		"s3://lakehouse/silver/":                            "",
		"s3://lakehouse/silver//t":                          "",
		"s3://lakehouse/silver/t//":                         "",
		"s3://lakehouse/silver/./t":                         "",
		"s3://lakehouse/silver/../bronze/coincap":           "",
		"s3://lakehouse/tables/..":                          "",
		"s3://lakehouse/silver/*":                           "",
		"s3://lakehouse/silver/asset_price?":                "",
		"s3://lakehouse/tables/${aws:username}":             "",
		"s3://lakehouse/tables/a\x1fb":                      "",
		"s3://lakehouse/tables/a\x00b":                      "",
		"s3://lakehouse/tables/a\nb":                        "",
		"s3://lakehouse/tables/a\\b":                        "",
		"s3://lakehouse/tables/a b":                         "",
		"s3://lakehouse/tables/a\"b":                        "",
		"s3://lakehouse/tables/ä":                           "",
		"s3://lakehouse/tables/a?versionId=1":               "",
		"s3://lakehouse/tables/a#b":                         "",
		"s3://lakehouse/bronze/coincap/assets":              "",
		"s3://lakehouse/reports/x":                          "",
		"s3://lakehouse/Silver/x":                           "",
		"s3://lakehouse":                                    "",
		"s3://lakehouse/":                                   "",
		"s3://other/silver/asset_prices":                    "",
		"s3://lakehouse.evil/silver/x":                      "",
		"s3://user@lakehouse/silver/x":                      "",
		"S3://lakehouse/silver/x":                           "",
		"https://lakehouse/silver/x":                        "",
		"file:///silver/x":                                  "",
		"/silver/x":                                         "",
		"":                                                  "",
		"s3://lakehouse/tables/" + strings.Repeat("x", 600): "",
	} {
		place, err := access.NewPlace("lakehouse", location)
		if place != want || (err == nil) != (want != "") {
			t.Errorf("%.60q is %q, %v; want %q", location, place, err, want)
		}
		if _, ok := errors.AsType[*access.PlaceError](err); err != nil && (!ok || len(err.Error()) > 600) {
			t.Errorf("%.60q: the error is %v", location, err)
		}
	}
}

func TestPlacesOverlapWhenOneHoldsTheOther(t *testing.T) {
	for _, tt := range []struct {
		p, q access.Place
		want bool
	}{
		{"silver/a", "silver/a", true},
		{"silver/a", "silver/a/b", true},
		{"silver/a/b", "silver/a", true},
		{"silver/a", "silver/ab", false},
		{"silver/a", "gold/a", false},
	} {
		if tt.p.Overlaps(tt.q) != tt.want {
			t.Errorf("%s and %s: %v", tt.p, tt.q, !tt.want)
		}
	}
}

func TestAPlaceHoldsItsOwnFiles(t *testing.T) {
	const place access.Place = "silver/a"
	for file, want := range map[string]bool{
		"s3://lakehouse/silver/a/metadata/1.metadata.json": true,
		"s3a://lakehouse/silver/a/data/1.parquet":          true,
		"s3://lakehouse/silver/a/":                         false,
		"s3://lakehouse/silver/a":                          false,
		"s3://lakehouse/silver/ab/1.parquet":               false,
		"s3://lakehouse/silver/a/../b/1.parquet":           false,
		"s3://lakehouse/silver/a/x/..":                     false,
		"s3://other/silver/a/1.parquet":                    false,
		"silver/a/1.parquet":                               false,
	} {
		if place.Holds("lakehouse", file) != want {
			t.Errorf("%s: %v", file, !want)
		}
	}
}
