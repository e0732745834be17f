package bronze

import "testing"

func TestMarkersAreIgnoredAndDataIsNot(t *testing.T) {
	const day = "bronze/coincap/assets/ingest_date=2025-06-01/"
	for key, ignored := range map[string]bool{
		day:                                  true,
		day + "sub/":                         true,
		day + "_SUCCESS":                     true,
		day + "_committed_123":               true,
		day + "_temporary/0/x.json":          true,
		day + ".part-0.json.crc":             true,
		day + ".x.json":                      true,
		day + "_x.json":                      true,
		day + "x.json._COPYING_":             true,
		"bronze/coincap/assets/_delta_log/0": true,
		"bronze/":                            true,
		day + "x.json":                       false,
		day + "_hour=07/x.json":              false,
		day + "a_b.json":                     false,
		day + "x.xml":                        false, // somebody's mistake: a dead letter says so
		"bronze/coincap/assets":              false,
		"silver/t/_x":                        false, // not bronze
	} {
		if why := Ignored(key); (why != "") != ignored {
			t.Errorf("%s: ignored is %v (%q)", key, !ignored, why)
		}
	}
}
