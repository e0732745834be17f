package coincap_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"

	"millrace/reactor/silver"
	"millrace/reactor/silver/silvertest"
)

// good is a row of /assets that nothing is wrong with; stamp is the envelope's time (2026-11-23T07:59:59Z).
const (
	good  = `{"id":"good","priceUsd":"1"}`
	stamp = `"timestamp":1795420799000`
	point = `{"priceUsd":"1","time":1795392000000,"date":"2026-11-23T00:00:00.000Z"}`
)

func assets(rows ...string) string {
	return `{` + stamp + `,"data":[` + strings.Join(rows, ",") + `]}`
}

func history(rows ...string) string { return `{"data":[` + strings.Join(rows, ",") + `]}` }

func packed(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.String()
}

// input is one payload and its place.
type input struct {
	name string
	file string
	meta []string
	body string
	// unreadable is the reason why the object is a dead letter; empty: it can be read.
	unreadable string
	// good is how many rows arrive; refused are field and reason of the others.
	good    int
	refused []string
}

func (in input) check(t *testing.T, d *silver.Dataset) {
	t.Helper()
	s, err := silvertest.Decode(t, d, silvertest.Source(d, in.file, in.meta...), []byte(in.body))
	if in.unreadable != "" {
		if err == nil || err.Error() != "unreadable object: "+in.unreadable {
			t.Errorf("%v; want unreadable object: %s", err, in.unreadable)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Good) != in.good {
		t.Errorf("%d good rows, want %d", len(s.Good), in.good)
	}
	var refused []string
	for _, r := range s.Refused {
		refused = append(refused, r["field"]+": "+r["reason"])
	}
	if fmt.Sprintf("%q", refused) != fmt.Sprintf("%q", in.refused) {
		t.Errorf("refused\n%s\nwant\n%s", strings.Join(refused, "\n"), strings.Join(in.refused, "\n"))
	}
}

const (
	wantAssets  = `expected {"timestamp": <epoch milliseconds>, "data": [{"id": …, "priceUsd": …}, …]}`
	wantHistory = `expected {"data": [{"priceUsd": …, "time": <epoch milliseconds>}, …]}`
	noTimestamp = `timestamp is nowhere: neither an envelope {"timestamp": …, "data": […]} nor the row itself says when this was`
	intervals   = "m1, m5, m15, m30, h1, h2, h6, h12, d1"
)

// Every bad input of an assets payload has its stated place, and good neighbours arrive.
func TestPlaceOfAssets(t *testing.T) {
	for _, in := range []input{
		// Objects that cannot be read.
		{name: "empty object", body: "", unreadable: "it is empty: " + wantAssets},
		{name: "white space", body: " \n", unreadable: "it is empty: " + wantAssets},
		{name: "empty JSON object", body: "{}", unreadable: `it has no "data": "{}"; ` + wantAssets},
		{name: "truncated after a row", body: assets(good, good)[:80], unreadable: "it ends after 80 bytes, 1 rows, in the middle of its JSON: it is truncated"},
		{name: "truncated, data first", body: `{"data":[` + good + `,{"id":"`, unreadable: "it ends after 45 bytes, 1 rows, in the middle of its JSON: it is truncated"},
		{name: "truncated behind the data", body: `{"data":[` + good + `],` + stamp + `,"x"`, unreadable: "it ends after 68 bytes, 1 rows, in the middle of its JSON: it is truncated"},
		{name: "timestamp twice behind the data", body: `{"data":[],` + stamp + `,` + stamp + `}`, unreadable: `its envelope has "timestamp" twice`},
		{name: "truncated before the data", body: `{"timest`, unreadable: "it ends after 8 bytes, 0 rows, in the middle of its JSON: it is truncated"},
		{name: "HTML", body: "<!DOCTYPE html><html><body>502</body></html>", unreadable: `it is not JSON, it begins with "<!DOCTYPE html><html><body>502</body></html>"; ` + wantAssets},
		{name: "text", body: "service unavailable", unreadable: `it is not JSON, it begins with "service unavailable"; ` + wantAssets},
		{name: "v2's farewell", body: `{"data":{"message":"We are deprecating this version"},"timestamp":1743435300643}`, unreadable: `"data" is an object where a list belongs: "{\"message\":\"We are deprecating this version\"}"; ` + wantAssets},
		{name: "error body", body: `{"error":"Unauthorized"}`, unreadable: `it has no "data": "{\"error\":\"Unauthorized\"}"; ` + wantAssets},
		{name: "data is null", body: `{"data":null,` + stamp + `}`, unreadable: `"data" is "null" where a list belongs; ` + wantAssets},
		{name: "data in data", body: `{"data":` + assets(good) + `}`, unreadable: `"data" is an object where a list belongs: "{\"timestamp\":1795420799000,\"data\":[{\"id\":\"good\",\"priceUsd\":\"1\"}]}"; ` + wantAssets},
		{name: "data twice", body: `{` + stamp + `,"data":[],"data":[]}`, unreadable: `it has "data" twice`},
		{name: "timestamp twice", body: `{` + stamp + `,"data":[],` + stamp + `}`, unreadable: `its envelope has "timestamp" twice`},
		{name: "list without envelope", body: "[" + good + "]", unreadable: noTimestamp},
		{name: "envelope without timestamp", body: `{"data":[` + good + `]}`, unreadable: noTimestamp},
		{name: "two values", body: assets(good) + assets(good), unreadable: `more follows its JSON value at byte 65: "{\"timestamp\":1795420799000,\"data\":[{\"id\":\"good\",\"priceUsd\":\"1\"}]}"; several values, one a line, must be named .ndjson`},
		{name: "no comma between rows", body: `{` + stamp + `,"data":[{} {}]}`, unreadable: `it is not valid JSON: "{}]}" is where a comma or the end of the list, after row 0, belongs, before byte 39`},
		{name: "gzip named .json", body: packed(assets(good)), unreadable: "it is gzip but its name does not end in .gz; add that"},
		{name: "Parquet named .json", body: "PAR1....", unreadable: "it is Parquet; name it .parquet"},
		{name: "JSON named .gz", file: "x.json.gz", body: `{"data":[]}`, unreadable: `it is named .gz but is not gzip, it begins with "{\"data\":[]}"; name it without .gz`},
		{name: "empty .gz", file: "x.json.gz", body: "", unreadable: "it is empty: no byte at all"},
		{name: "truncated gzip", file: "x.json.gz", body: packed(assets(good))[:40], unreadable: "its gzip stream ends too early: the object is truncated"},
		{name: "gzip without its end", file: "x.json.gz", body: packed(assets(good))[:len(packed(assets(good)))-8], unreadable: "its gzip stream ends too early: the object is truncated"},
		{name: "bytes after gzip", file: "x.json.gz", body: packed(assets(good)) + "more, and no gzip", unreadable: "its gzip stream is followed by bytes that are no gzip, or has a broken header"},
		{name: "gzip with a wrong checksum", file: "x.json.gz", body: packed(assets(good))[:len(packed(assets(good)))-8] + "\x00\x00\x00\x00\x40\x00\x00\x00", unreadable: "its gzip stream is broken: gzip: invalid checksum"},
		{name: "two gzip members", file: "x.json.gz", body: packed(assets(good)[:20]) + packed(assets(good)[20:]), good: 1},

		// Forms that can be read.
		{name: "timestamp first", body: assets(good), good: 1},
		{name: "data first", body: `{"data":[` + good + `],` + stamp + `}`, good: 1},
		{name: "one asset, data first", body: `{"data":` + good + `,` + stamp + `}`, good: 1},
		{name: "one asset", body: `{` + stamp + `,"data":` + good + `}`, good: 1},
		{name: "no asset", body: `{` + stamp + `,"data":[]}`},
		{name: "byte order mark", body: "\ufeff" + assets(good), good: 1},
		{name: "unknown members of the envelope", body: `{"meta":{"a":[1,"]"]},` + stamp + `,"data":[` + good + `],"usage":1}`, good: 1},
		{name: "list of rows with their own time", body: `[{"id":"a",` + stamp + `}]`, good: 1},
		{name: "list where one row has no time", body: `[{"id":"a",` + stamp + `},` + good + `]`, good: 1,
			refused: []string{`timestamp: is missing: neither an envelope {"timestamp": …, "data": […]} nor the row itself says when this was`}},

		// Rows.
		{name: "row without id", body: assets(`{"priceUsd":"1"}`, good), good: 1, refused: []string{"id: is missing"}},
		{name: "id null", body: assets(`{"id":null}`, good), good: 1, refused: []string{"id: is null"}},
		{name: "id empty", body: assets(`{"id":""}`, good), good: 1, refused: []string{"id: is empty"}},
		{name: "id a number", body: assets(`{"id":7}`, good), good: 1, refused: []string{"id: is a number, not a string"}},
		{name: "id with NUL", body: assets(`{"id":"a\u0000b"}`, good), good: 1, refused: []string{"id: contains a NUL character, which not every engine can store"}},
		{name: "id too long", body: assets(`{"id":"`+strings.Repeat("x", 257)+`"}`, good), good: 1, refused: []string{`id: is 257 bytes long, at most 256 are allowed: "` + strings.Repeat("x", 80) + `"…`}},
		{name: "row is a number", body: assets("1", good), good: 1, refused: []string{": the row is a number, not an object"}},
		{name: "row is null", body: assets("null", good), good: 1, refused: []string{": the row is null, not an object"}},
		{name: "row is a list", body: assets("[]", good), good: 1, refused: []string{": the row is a list, not an object"}},
		{name: "nothing where a row belongs", body: assets("", good), good: 1, refused: []string{": not valid JSON: nothing where a row belongs"}},
		{name: "row of broken JSON", body: assets(`{"id":"a","rank":01}`, good), good: 1, refused: []string{`: not valid JSON at byte 18: invalid character '1' after object value (expecting ',' or '}')`}},
		{name: "row of other brackets", body: assets(`{"id":"a"]`, good), good: 1, refused: []string{`: not valid JSON at byte 9: invalid character ']' after object value (expecting ',' or '}')`}},
		{name: "price NaN", body: assets(`{"id":"a","priceUsd":"NaN"}`, good), good: 1, refused: []string{`priceUsd: "NaN" is not a number`}},
		{name: "price empty", body: assets(`{"id":"a","priceUsd":""}`, good), good: 1, refused: []string{`priceUsd: "" is not a number`}},
		{name: "price a boolean", body: assets(`{"id":"a","priceUsd":true}`, good), good: 1, refused: []string{"priceUsd: is a boolean, not a number"}},
		{name: "price -1", body: assets(`{"id":"a","priceUsd":"-1"}`, good), good: 1, refused: []string{`priceUsd: "-1" is negative`}},
		{name: "price below zero that rounds to it", body: assets(`{"id":"a","priceUsd":"-1e-40"}`, good), good: 1, refused: []string{`priceUsd: "-1e-40" is negative`}},
		{name: "price -0", body: assets(`{"id":"a","priceUsd":"-0.0"}`, good), good: 2},
		{name: "price 1e400", body: assets(`{"id":"a","priceUsd":"1e400"}`, good), good: 1, refused: []string{`priceUsd: "1e400" is beyond reason: it must be below 10^10`}},
		{name: "price 1e400 as a number", body: assets(`{"id":"a","priceUsd":1e400}`, good), good: 1, refused: []string{`priceUsd: "1e400" is beyond reason: it must be below 10^10`}},
		{name: "price of 60 digits", body: assets(`{"id":"a","priceUsd":"`+strings.Repeat("9", 60)+`"}`, good), good: 1, refused: []string{`priceUsd: "` + strings.Repeat("9", 60) + `" is beyond reason: it must be below 10^10`}},
		{name: "price of 10^10", body: assets(`{"id":"a","priceUsd":"10000000000"}`, good), good: 1, refused: []string{`priceUsd: "10000000000" is beyond reason: it must be below 10^10`}},
		{name: "price just below 10^10", body: assets(`{"id":"a","priceUsd":"9999999999.99"}`, good), good: 2},
		{name: "price of 60 decimals", body: assets(`{"id":"a","priceUsd":"1.`+strings.Repeat("1", 60)+`"}`, good), good: 2},
		{name: "price 1e-400", body: assets(`{"id":"a","priceUsd":"1e-400"}`, good), good: 2},
		{name: "price null", body: assets(`{"id":"a","priceUsd":null}`, good), good: 2},
		{name: "market cap of 10^15", body: assets(`{"id":"a","marketCapUsd":"1e15"}`, good), good: 1, refused: []string{`marketCapUsd: "1e15" is beyond reason: it must be below 10^15`}},
		{name: "volume of 10^15", body: assets(`{"id":"a","volumeUsd24Hr":1000000000000000}`, good), good: 1, refused: []string{`volumeUsd24Hr: "1000000000000000" is beyond reason: it must be below 10^15`}},
		{name: "negative supply", body: assets(`{"id":"a","supply":"-5"}`, good), good: 1, refused: []string{`supply: "-5" is negative`}},
		{name: "supply beyond the type", body: assets(`{"id":"a","supply":"1e20"}`, good), good: 1, refused: []string{`supply: "1e20" does not fit decimal(38,18): at most 20 digits before the point`}},
		{name: "negative change", body: assets(`{"id":"a","changePercent24Hr":"-99.5"}`), good: 1},
		{name: "rank as number", body: assets(`{"id":"a","rank":3}`), good: 1},
		{name: "rank of letters", body: assets(`{"id":"a","rank":"third"}`, good), good: 1, refused: []string{`rank: "third" is not a number`}},
		{name: "rank 1.5", body: assets(`{"id":"a","rank":1.5}`, good), good: 1, refused: []string{`rank: "1.5" is not a whole number`}},
		{name: "rank of 2^31", body: assets(`{"id":"a","rank":"2147483648"}`, good), good: 1, refused: []string{`rank: "2147483648" does not fit 32 bits`}},
		{name: "name a number", body: assets(`{"id":"a","name":7}`), good: 1},
		{name: "tokens a list", body: assets(`{"id":"a","tokens":[]}`), good: 1},
		{name: "timestamp in seconds", body: `{"timestamp":1795420799,"data":[` + good + `]}`,
			refused: []string{`timestamp: "1795420799" (1970-01-21T18:43:40Z) is before 2009-01-03, Bitcoin's first block; it looks like seconds (2026-11-23T07:59:59Z): epoch milliseconds are expected`}},
		{name: "timestamp in microseconds", body: `{"timestamp":1795420799000000,"data":[` + good + `]}`,
			refused: []string{`timestamp: "1795420799000000" (58864-08-14T07:43:20Z) is more than 24 hours after the object was stored; it looks like microseconds (2026-11-23T07:59:59Z): epoch milliseconds are expected`}},
		{name: "timestamp in 2099", body: `{"timestamp":4070908800000,"data":[` + good + `]}`,
			refused: []string{`timestamp: "4070908800000" (2099-01-01T00:00:00Z) is more than 24 hours after the object was stored`}},
		{name: "timestamp within a day", body: `{"timestamp":1795507200000,"data":[` + good + `]}`, good: 1},
		{name: "timestamp of letters", body: `{"timestamp":"today","data":[` + good + `]}`, refused: []string{`timestamp: "today" is no time: epoch milliseconds or RFC 3339 are expected`}},
		{name: "timestamp beyond all time", body: `{"timestamp":1e30,"data":[` + good + `]}`, refused: []string{`timestamp: "1e30" is no time in milliseconds since 1970`}},
		{name: "ids twice in one response", body: assets(good, good), good: 2},
		{name: "unknown field", body: assets(`{"id":"a","new":1}`), good: 1},
		{name: "one name twice", body: assets(`{"id":"a","priceUsd":"1","priceUsd":"2"}`, good), good: 1, refused: []string{"priceUsd: the row has it twice, and which one is meant cannot be known"}},
		{name: "one value under both names", body: assets(`{"id":"a","priceUsd":"1","price_usd":"2"}`, good), good: 1, refused: []string{"priceUsd: the row has it twice, and which one is meant cannot be known"}},
		{name: "unknown name twice", body: assets(`{"id":"a","z":1,"b":1,"z":2}`, good), good: 1, refused: []string{"z: the row has it twice, and which one is meant cannot be known"}},
		{name: "deep nesting", body: assets(`{"id":"a","deep":`+strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000)+`}`, good), good: 1, refused: []string{": not valid JSON at byte 10016: exceeded max depth"}},
		{name: "nesting beyond what others read", body: assets(`{"id":"a","deep":`+strings.Repeat("[", 512)+strings.Repeat("]", 512)+`}`, good), good: 1, refused: []string{"deep: nested 513 levels deep: at most 512 are kept"}},
		{name: "nesting within bounds", body: assets(`{"id":"a","deep":` + strings.Repeat("[", 511) + strings.Repeat("]", 511) + `}`), good: 1},
		{name: "invalid UTF-8 in a name", body: assets("{\"id\":\"a\",\"name\":\"\xff\"}", good), good: 1, refused: []string{"name: not valid UTF-8, or half of a surrogate pair"}},
		{name: "invalid UTF-8 in an unknown field", body: assets("{\"id\":\"a\",\"x\":[\"\xc3\"]}", good), good: 1, refused: []string{"x: not valid UTF-8, or half of a surrogate pair"}},
		{name: "half a surrogate pair", body: assets(`{"id":"a","name":"\ud800"}`, good), good: 1, refused: []string{"name: not valid UTF-8, or half of a surrogate pair"}},
		{name: "huge row", body: assets(`{"id":"a","x":"`+strings.Repeat("x", 9<<20)+`"}`, good), good: 1, refused: []string{": the row is larger than 8 MiB: 9437201 bytes"}},
	} {
		t.Run(in.name, func(t *testing.T) {
			if in.file == "" {
				in.file = "x.json"
			}
			in.check(t, coincap.Assets)
		})
	}
}

func TestPlaceOfHistory(t *testing.T) {
	const bitcoin = "bitcoin_d1_2026-11-23.json"
	outside := "put the object with the user metadata asset-id and interval, name it <slug>_<interval>_….<ext>, or give each row asset_id and interval"
	for _, in := range []input{
		{name: "envelope", body: history(point), good: 1},
		{name: "list without envelope", body: "[" + point + "]", good: 1},
		{name: "no point", body: `{"data":[],` + stamp + `}`},
		{name: "data an object", body: `{"data":` + point + `}`, unreadable: `"data" is an object where a list belongs: "{\"priceUsd\":\"1\",\"time\":1795392000000,\"date\":\"2026-11-23T00:00:00.000Z\"}"; ` + wantHistory},
		{name: "metadata", file: "x.json", meta: []string{"asset-id", "xrp", "interval", "h1"}, body: history(point), good: 1},
		{name: "metadata before the name", meta: []string{"asset-id", "xrp", "interval", "h1"}, body: history(point), good: 1},
		{name: "neither metadata nor name", file: "x.json", body: history(point, point), unreadable: "asset_id is nowhere: " + outside + "; interval is nowhere: " + outside},
		{name: "half of the metadata", file: "x.json", meta: []string{"interval", "h1"}, body: history(point), unreadable: "asset_id is nowhere: " + outside},
		{name: "rows that name asset and interval", file: "x.json", body: history(`{"asset_id":"a","interval":"d1","time":1795392000000,"priceUsd":1}`), good: 1},
		{name: "some rows that do not", file: "x.json", body: history(`{"asset_id":"a","interval":"d1","time":1795392000000,"priceUsd":1}`, point), good: 1, refused: []string{"asset_id: is missing: " + outside}},
		{name: "unknown interval in metadata", meta: []string{"interval", "d2"}, body: history(point), unreadable: `its metadata interval cannot be interval: "d2" is not one of ` + intervals},
		{name: "unknown interval in a row", body: history(`{"interval":"w1","time":1795392000000,"priceUsd":1}`, point), good: 1, refused: []string{`interval: "w1" is not one of ` + intervals}},
		{name: "only a date", body: history(`{"priceUsd":"1","date":"2026-11-23T00:00:00.000Z"}`), good: 1},
		{name: "only a time", body: history(`{"priceUsd":"1","time":1795392000000}`), good: 1},
		{name: "time null beside a date", body: history(`{"priceUsd":"1","time":null,"date":"2026-11-23T00:00:00.000Z"}`), good: 1},
		{name: "neither", body: history(`{"priceUsd":"1"}`, point), good: 1, refused: []string{"time: is missing"}},
		{name: "date that disagrees", body: history(`{"priceUsd":"1","time":1795392000000,"date":"2026-11-22T00:00:00.000Z"}`, point), good: 1, refused: []string{`date: "2026-11-22T00:00:00.000Z" is another moment than "1795392000000" in time`}},
		{name: "date that is none", body: history(`{"priceUsd":"1","time":1795392000000,"date":"23 Nov"}`, point), good: 1, refused: []string{`date: "23 Nov" is no time: epoch milliseconds or RFC 3339 are expected`}},
		{name: "time in seconds", body: history(`{"priceUsd":"1","time":1795392000}`, point), good: 1, refused: []string{`time: "1795392000" (1970-01-21T18:43:12Z) is before 2009-01-03, Bitcoin's first block; it looks like seconds (2026-11-23T00:00:00Z): epoch milliseconds are expected`}},
		{name: "point without price", body: history(`{"time":1795392000000}`, point), good: 1, refused: []string{"priceUsd: is missing"}},
		{name: "price null", body: history(`{"time":1795392000000,"priceUsd":null}`, point), good: 1, refused: []string{"priceUsd: is null"}},
		{name: "supply as number", body: history(`{"time":1795392000000,"priceUsd":"1","circulatingSupply":19876725.5}`), good: 1},
		{name: "supply null", body: history(`{"time":1795392000000,"priceUsd":"1","circulatingSupply":null}`), good: 1},
	} {
		t.Run(in.name, func(t *testing.T) {
			if in.file == "" {
				in.file = bitcoin
			}
			in.check(t, coincap.History)
		})
	}
}

func TestPlaceOfLines(t *testing.T) {
	row := `{"id":"a",` + stamp + `}`
	missing := `timestamp: is missing: neither an envelope {"timestamp": …, "data": […]} nor the row itself says when this was`
	for _, in := range []input{
		{name: "rows", body: row + "\n" + row + "\n", good: 2},
		{name: "no newline at the end, CRLF, blank lines", body: row + "\r\n\n  \n" + row, good: 2},
		{name: "envelopes", body: assets(good, good) + "\n" + assets(good) + "\n", good: 3},
		{name: "rows and envelopes", body: row + "\n" + assets(good) + "\n" + row, good: 3},
		{name: "an envelope's time is its own", body: assets(good) + "\n" + good + "\n", good: 1, refused: []string{missing}},
		{name: "a row with a field named data", body: `{"id":"a",` + stamp + `,"data":[1]}`, good: 1},
		{name: "a bad line", body: row + "\n{\"id\":\n" + row, good: 2, refused: []string{": not valid JSON at byte 6: unexpected EOF"}},
		{name: "more after a row", body: row + row + "\n" + row, good: 1, refused: []string{`: not valid JSON: more follows the object: "{\"id\":\"a\",\"timestamp\":1795420799000}"`}},
		{name: "an error body among lines", body: row + "\n" + `{"data":{"message":"gone"}}` + "\n" + row, good: 2, refused: []string{`: "data" is an object where a list belongs: "{\"message\":\"gone\"}"; ` + wantAssets}},
		{name: "a line too long", body: row + "\n" + `{"id":"` + strings.Repeat("x", 20<<20) + "\"}\n" + row, good: 2, refused: []string{": the row is larger than 8 MiB: 20971529 bytes"}},
		{name: "no line is JSON", body: "id,price\nbitcoin,1\n", unreadable: `no line of it is a JSON object, it begins with "id,price"; expected one JSON object a line (a single JSON value over several lines must be named .json)`},
		{name: "one value over several lines", body: "{\n\"data\": [\n]\n}\n", unreadable: `no line of it is a JSON object, it begins with "{"; expected one JSON object a line (a single JSON value over several lines must be named .json)`},
		{name: "empty", body: "", unreadable: "it is empty: expected one JSON object a line"},
		{name: "blank", body: "\n\n", unreadable: "it is empty: expected one JSON object a line"},
		{name: "no row has a time", body: good + "\n" + good, unreadable: noTimestamp},
		{name: "packed", file: "x.ndjson.gz", body: packed(row + "\n" + row), good: 2},
		{name: "packed and truncated", file: "x.ndjson.gz", body: packed(strings.Repeat(row+"\n", 1000))[:60], unreadable: "its gzip stream ends too early: the object is truncated"},
	} {
		t.Run(in.name, func(t *testing.T) {
			if in.file == "" {
				in.file = "x.ndjson"
			}
			in.check(t, coincap.Assets)
		})
	}
}
