package infer_test

import (
	"strings"
	"testing"

	"millrace/reactor/silver"
	"millrace/reactor/silver/definition"
	"millrace/reactor/silver/infer"
	"millrace/reactor/silver/silvertest"
)

// proposed is the definition for one payload, and its text.
func proposed(t *testing.T, file, body string) (*silver.Dataset, string) {
	t.Helper()
	values, err := infer.Values([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	text, err := infer.Propose("test/thing", []infer.Sample{{Name: file, Values: values, Lines: strings.HasSuffix(file, ".ndjson")}})
	if err != nil {
		t.Fatal(err)
	}
	d, err := definition.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return d, text
}

// What is proposed is a definition, and takes every row of what it was made from.
func TestProposals(t *testing.T) {
	for _, c := range []struct {
		name, file, body string
		rows             int
		key              string
		says             []string
	}{
		{"list of objects", "x.json", `[{"id":"o-1","when":"2026-11-22T10:00:00Z","total":"12.50","items":3,"tags":["a"],"customer":{"name":"Ann"}},
			{"id":"o-2","when":"2026-11-22T10:00:00Z","total":"7","items":1,"tags":[],"customer":{"name":"Ann"},"note":"x"}]`, 2, "id observed_at",
			[]string{"path: when, type: time, required", "column: total, type: 'decimal(38,18)'", "column: items, type: integer}", "type: list<text>", "path: customer.name, type: text", "# in 1 of 2 rows"}},
		{"digits are no times", "x.json", `[{"id":"a","time":"2026-11-22","zip":"01234","n":1732233600},{"id":"b","time":"2026-11-23","zip":"99999","n":1732233601}]`, 2, "id observed_at",
			[]string{"path: time, type: time, required", "column: zip, type: text", "column: n, type: long"}},
		{"list in an object, time beside it", "x.json", `{"status":{"timestamp":"2026-11-22T10:00:00Z"},"data":[{"symbol":"A","price":1.5},{"symbol":"B","price":2}]}`, 2, "symbol observed_at",
			[]string{"at: data", "from: {envelope: status.timestamp}", "# the time beside the rows"}},
		{"candles", "x.json", `[[1795392000000,"1.5","2"],[1795395600000,"1.6","3"]]`, 2, "observed_at", []string{"each: list", "path: '[0]', type: time(ms)", "# The key is the time alone", "from: {metadata: asked-for}"}},
		{"candles of one pair", "x.json", `{"data":{"pair":"BTC/USD","ohlc":[{"timestamp":"1795392000","close":"2"},{"timestamp":"1795395600","close":"3"},{"timestamp":"1795399200","close":"3"}]}}`, 3, "observed_at",
			[]string{"at: data.ohlc", "a field of {column: pair, type: text, required: true, from: {envelope: data.pair}} and put"}},
		{"several lists", "x.json", `{"prices":[[1711843200000,1.5]],"caps":[[1711843200000,2.5]]}`, 2, "list_name observed_at", []string{"at: '*'", "list_name: true"}},
		{"named list", "x.json", `{"error":[],"result":{"XBTUSD":[[1795392000,"1"],[1795392060,"2"]],"last":1}}`, 2, "list_name observed_at", []string{"at: result.*", "time(s)"}},
		{"one object", "x.json", `{"id":"x","updated_at":1795392000,"price":1}`, 1, "id observed_at", []string{"one: id", "path: updated_at, type: time(s)"}},
		{"lines", "x.ndjson", "{\"id\":1,\"t\":\"2026-11-22T10:00:00Z\",\"ok\":true}\n{\"id\":2,\"t\":\"2026-11-22T10:00:01Z\",\"ok\":false}\n", 2, "id observed_at", []string{"column: ok, type: boolean"}},
		{"words of SQL and names that clash", "x.json", `[{"order":1,"Order":2,"extra":3,"time":"2026-11-22T10:00:00Z","a b":1,"a.b":2,"ä":1}]`, 1, "", []string{"column: order_value,", "column: order_value_2", "column: extra_2", `path: '["a.b"]'`}},
		{"objects and none", "x.json", `[{"time":"2026-11-22T10:00:00Z","id":"a","o":{"a":1},"p":{"a":1}},{"time":"2026-11-22T10:00:00Z","id":"b","o":null,"p":5}]`, 2, "id observed_at",
			[]string{"column: o_a, path: o.a, type: integer", "column: p, type: json}  # an object in some rows"}},
		{"nulls and kinds", "x.json", `[{"time":"2026-11-22T10:00:00Z","n":null,"m":1,"o":{"a":1}},{"time":"2026-11-22T10:00:00Z","n":null,"m":"x","o":null}]`, 2, "observed_at",
			[]string{"its type is not known", "# texts and numbers, such as \"x\" and others", "No key was found"}},
		{"no time", "x.json", `[{"id":"a","n":1},{"id":"b","n":2}]`, 2, "id observed_at", []string{"from: {ingest_date: true}}  # no time was found"}},
		{"lists named by numbers", "x.json", `{"result":{"60":[[1795392000,1]],"180":[[1795392000,2]]}}`, 2, "list_name observed_at", []string{"column: list_name, type: text"}},
		{"an id that may be empty", "x.json", `[{"client_id":"","code":"a","time":"2026-11-22T10:00:00Z"},{"client_id":"x","code":"b","time":"2026-11-22T10:00:00Z"}]`, 2, "code observed_at", nil},
		{"its own id before that of another", "x.json", `[{"actor":{"id":7},"user_id":8,"id":"a","created_at":"2026-11-22T10:00:00Z"},{"actor":{"id":9},"user_id":10,"id":"b","created_at":"2026-11-22T10:00:00Z"},
			{"actor":{"id":11},"user_id":12,"id":"c","created_at":"2026-11-22T10:00:00Z"}]`, 3, "id observed_at", []string{"# user_id or actor_id would do as well"}},
		{"its own time before others", "x.json", `[{"id":1,"expires_at":"2026-11-22T10:00:00Z","birth_date":"2000-01-01","repo":{"created_at":"2020-01-01T00:00:00Z"},"seen_at":"2026-11-22T10:00:00Z"}]`, 1, "id observed_at", []string{"path: seen_at, type: time"}},
		{"a time of another form", "x.json", `[{"id":1,"created_at":"Mon Aug 27 13:08:45 +0000 2012"}]`, 1, "id observed_at", []string{"type: text}  # it is named as a time, and is not one of ISO 8601", "ingest_date: true"}},
		{"one column before two", "x.json", `[{"type":"bid","tid":1,"timestamp":1795392000},{"type":"ask","tid":2,"timestamp":1795392000},{"type":"bid","tid":3,"timestamp":1795392000}]`, 3, "tid observed_at", nil},
		{"one thing with a list in it", "x.json", `{"id":1,"at":"2026-11-22T10:00:00Z","labels":[{"id":5,"name":"x"}],"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j":1,"k":1,"l":1,"m":1,"n":1,"o":1,"p":1,"q":1,"r":1}`, 1, "id observed_at",
			[]string{"one: id", "Write rows: {at: labels}"}},
		{"rows under names below others", "x.json", `{"result":{"ledger":{"L1":{"p":1},"L2":{"p":2},"L3":{"p":3}}}}`, 1, "", []string{"The members of result.ledger look like rows"}},
		{"a table by its columns", "x.json", `{"hourly_units":{"time":"iso8601"},"hourly":{"time":["2026-11-22T00:00","2026-11-22T01:00"],"temperature":[1.5,2]}}`, 1, "", []string{"The lists of hourly look like the columns of a table"}},
		{"rows under names of their own", "x.json", `{"BTC":{"p":1},"ETH":{"p":2},"XRP":{"p":3}}`, 1, "", []string{"The members of the object look like rows under names", "Of so few rows the key is a guess"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, text := proposed(t, c.file, c.body)
			for _, want := range c.says {
				if !strings.Contains(text, want) {
					t.Errorf("%q is not in\n%s", want, text)
				}
			}
			if got := strings.Join(d.Key, " "); c.key != "" && got != c.key {
				t.Errorf("the key is %s, want %s", got, c.key)
			}
			s, err := silvertest.Decode(t, d, silvertest.Source(d, c.file), []byte(c.body))
			if err != nil || len(s.Good) != c.rows || len(s.Refused) > 0 {
				t.Errorf("%v: %d rows, refused %v\n%s", err, len(s.Good), s.Refused, text)
			}
		})
	}
}

// Without a time nothing can be partitioned: the proposal asks for one.
func TestAProposalWithoutTimeAsksForOne(t *testing.T) {
	d, text := proposed(t, "x.json", `[{"id":"a","n":1},{"id":"b","n":2}]`)
	if !strings.Contains(text, "no time was found") {
		t.Error(text)
	}
	src := silvertest.Source(d, "x.json")
	src.Key = "bronze/test/thing/ingest_date=2026-11-21/x.json"
	if s, err := silvertest.Decode(t, d, src, []byte(`[{"id":"a","n":1}]`)); err != nil || len(s.Good) != 1 || s.Good[0]["observed_at"] != "2026-11-21T00:00:00Z" {
		t.Errorf("%v, %v", err, s)
	}
	src.Key = "bronze/test/thing/x.json"
	if s, err := silvertest.Decode(t, d, src, []byte(`[{"id":"a","n":1}]`)); err != nil || s.Good[0]["observed_at"] != src.ModifiedAt.Format("2006-01-02")+"T00:00:00Z" {
		t.Errorf("without a date in the key: %v, %v", err, s)
	}
}

func TestWhatCannotBeInferredSaysWhy(t *testing.T) {
	for body, want := range map[string]string{"": "it is empty", "<html>": "it is not JSON", "{\"a\":": "it is not JSON"} {
		if _, err := infer.Values([]byte(body)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", body, err, want)
		}
	}
	for body, want := range map[string]string{"1": "neither a JSON object nor a list", "[]": "there is no row in the samples", "[1,2]": "the list of x holds single values, such as 1: a row is an object or a list", `[0,"os",[[1]]]`: "holds single values, such as 0", `[[1],{}]`: "holds lists and objects"} {
		values, err := infer.Values([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := infer.Propose("a/b", []infer.Sample{{Name: "x", Values: values}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", body, err, want)
		}
	}
}
