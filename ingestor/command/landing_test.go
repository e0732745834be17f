package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"millrace/infra/cli"
	"millrace/infra/settings"
	"millrace/ingestor/bronze"
	"millrace/ingestor/coincap"
	"millrace/ingestor/coincap/ingest"
	"millrace/tests/harness"
)

var noon = time.Date(2025, 7, 1, 12, 0, 0, 0, time.UTC)

func atNoon() time.Time { return noon }

func day(t *testing.T, s string) bronze.Day {
	t.Helper()
	d, err := bronze.ParseDay(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// serve starts a simulator whose clock stands at noon, so that the same request gets the same bytes.
func serve(t *testing.T, cfg coincap.SimulatorConfig) (address string, s *coincap.Simulator) {
	t.Helper()
	cfg.Now = atNoon
	s, err := coincap.NewSimulator(cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return server.URL + "/v3", s
}

// flags are those of the ingestor's role in the stack: it may put into bronze/ and nothing else.
func flags(t *testing.T, s *harness.Stack, api string) fetchFlags {
	t.Helper()
	vars := s.Vars(t, "ingestor")
	return fetchFlags{BaseURL: api, landFlags: landFlags{Patience: 300 * time.Millisecond, S3: settings.S3{
		Endpoint: s.S3, AccessKey: vars["MILLRACE_S3_ACCESS_KEY"], SecretKey: settings.Secret(vars["MILLRACE_S3_SECRET_KEY"]), Bucket: s.Bucket(),
	}}}
}

// result is a row as the commands print it in JSON.
type result struct {
	Dataset, Asset, From, To, Outcome, Key, Reason string
	Items, Bytes                                   int
}

type command interface {
	Run(ctx context.Context, out *cli.Output, now Clock) error
}

func run(t *testing.T, c command) ([]result, error) {
	t.Helper()
	var stdout bytes.Buffer
	err := c.Run(t.Context(), cli.NewOutput(&stdout, "json"), atNoon)
	var results []result
	if stdout.Len() > 0 {
		if err := json.Unmarshal(stdout.Bytes(), &results); err != nil {
			t.Fatalf("the results are no JSON: %v in %s", err, &stdout)
		}
	}
	return results, err
}

// objects lists all versions of all bronze objects, with their keys.
func objects(t *testing.T, s *harness.Stack) []string {
	t.Helper()
	var keys []string
	for object := range s.Client().ListObjects(t.Context(), s.Bucket(), minio.ListObjectsOptions{Prefix: bronze.Prefix, Recursive: true, WithVersions: true}) {
		if object.Err != nil {
			t.Fatal(object.Err)
		}
		keys = append(keys, object.Key)
	}
	return keys
}

func outcomes(results []result) map[string]int {
	counts := map[string]int{}
	for _, r := range results {
		counts[r.Outcome]++
	}
	return counts
}

func TestLanding(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())

	t.Run("history lands once, with its fetch described", func(t *testing.T) {
		api, simulator := serve(t, coincap.SimulatorConfig{})
		c := History{From: day(t, "2024-05-27"), To: day(t, "2025-06-30"), Interval: "d1", topFlag: topFlag{20}, fetchFlags: flags(t, s, api)}
		started := time.Now()
		results, err := run(t, c)
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(started); took > 5*time.Second {
			t.Errorf("40 histories of a fast server took %s", took)
		}
		if len(results) != 40 || outcomes(results)["put"] != 40 || simulator.Calls() != 41 || len(objects(t, s)) != 40 {
			t.Fatalf("%d results %v of %d calls, %d objects", len(results), outcomes(results), simulator.Calls(), len(objects(t, s)))
		}
		if r := results[0]; r.Asset != "bitcoin" || r.From != "2024-05-27" || r.To != "2025-05-26" || results[1].From != "2025-05-27" || results[1].To != "2025-06-30" || results[1].Items != 35 {
			t.Errorf("the first results are %+v", results[:2])
		}
		checkObject(t, s, results[0], api)

		again, err := run(t, c)
		if err != nil || outcomes(again)["already there"] != 40 || len(objects(t, s)) != 40 {
			t.Errorf("run again: %v, %v, %d objects", outcomes(again), err, len(objects(t, s)))
		}
	})

	t.Run("no data of one asset is no failure, of all it is one", func(t *testing.T) { testNoData(t, s) })
	t.Run("daily fetches the list once", func(t *testing.T) { testDaily(t, s) })
	t.Run("failed fetch leaves nothing", func(t *testing.T) { testFailures(t, s) })

	t.Run("one asset's failure keeps no other out", func(t *testing.T) {
		_, simulator := serve(t, coincap.SimulatorConfig{})
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "/xrp/") {
				http.Error(w, `{"error":"no"}`, http.StatusBadRequest)
				return
			}
			simulator.ServeHTTP(w, r)
		}))
		defer server.Close()
		results, err := run(t, History{From: day(t, "2025-02-01"), To: day(t, "2025-02-01"), Interval: "d1", Assets: []string{"xrp", "solana", "tether"}, topFlag: topFlag{20}, fetchFlags: flags(t, s, server.URL)})
		if err == nil || !strings.Contains(err.Error(), "1 of 3 histories failed") || !strings.Contains(err.Error(), "/xrp/") || outcomes(results)["put"] != 2 {
			t.Errorf("%v, %v", outcomes(results), err)
		}
	})

	t.Run("put is write-once", func(t *testing.T) { testPut(t, s) })
	t.Run("exit codes", func(t *testing.T) { testExitCodes(t, s) })
}

// checkObject compares an object with what the API answers to the request that its metadata names.
func checkObject(t *testing.T, s *harness.Stack, r result, api string) {
	t.Helper()
	object, err := s.Client().GetObject(t.Context(), s.Bucket(), r.Key, minio.GetObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(object)
	if err != nil {
		t.Fatal(err)
	}
	info, err := object.Stat()
	if err != nil {
		t.Fatal(err)
	}
	meta := map[string]string{}
	for name, value := range info.UserMetadata {
		meta[strings.ToLower(name)] = value
	}
	answer, err := http.Get(meta[bronze.MetaRequestURL])
	if err != nil {
		t.Fatal(err)
	}
	want, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if !bytes.Equal(body, want) || len(body) != r.Bytes {
		t.Errorf("the object is not what the API sent")
	}
	key, err := bronze.ParseKey(r.Key)
	if err != nil || key.Dataset != "history" || key.IngestDate.String() != "2025-07-01" || !strings.HasPrefix(key.Name, "bitcoin_d1_2024-05-27_2025-05-26_") {
		t.Errorf("key %s: %+v, %v", r.Key, key, err)
	}
	if meta[bronze.MetaAssetID] != "bitcoin" || meta[bronze.MetaInterval] != "d1" || meta[bronze.MetaStatus] != "200" || meta[bronze.MetaSynthetic] != "true" ||
		!strings.HasPrefix(meta[bronze.MetaRequestURL], api+"/assets/bitcoin/history?") || !strings.HasPrefix(meta[bronze.MetaSourceProgram], "millrace-ingestor") || meta[bronze.MetaDuration] == "" || meta[bronze.MetaCredits] != strconv.Itoa(1+(len(body)+2499)/2500) || meta[bronze.MetaTraceParent] != "" {
		t.Errorf("metadata is %v", meta)
	}
	if at, err := time.Parse("2006-01-02T15:04:05.000Z", meta[bronze.MetaFetchedAt]); err != nil || time.Since(at) > time.Hour {
		t.Errorf("fetched at %s", meta[bronze.MetaFetchedAt])
	}
	if info.ContentType != "application/json" {
		t.Errorf("content type is %s", info.ContentType)
	}
}

func testDaily(t *testing.T, s *harness.Stack) {
	tests := []struct {
		date     string
		snapshot bool
	}{{"2025-07-01", true}, {"2025-06-30", true}, {"2025-06-29", false}, {"2024-02-29", false}}
	for _, tt := range tests {
		api, simulator := serve(t, coincap.SimulatorConfig{Seed: 77})
		c := Daily{Date: day(t, tt.date), topFlag: topFlag{5}, fetchFlags: flags(t, s, api)}
		results, err := run(t, c)
		if err != nil {
			t.Fatal(err)
		}
		want := 5
		if tt.snapshot {
			want = 6
		}
		if (results[0].Dataset == "assets") != tt.snapshot || len(results) != want || simulator.Calls() != 6 {
			t.Errorf("%s: %d calls, results %+v", tt.date, simulator.Calls(), results)
		}
		for _, r := range results {
			if !strings.Contains(r.Key, "/ingest_date="+tt.date+"/") {
				t.Errorf("%s landed as %s", tt.date, r.Key)
			}
			if r.Dataset == "history" && (r.From != tt.date || r.To != tt.date || r.Items > 1) {
				t.Errorf("%s: more than the day: %+v", tt.date, r)
			}
		}
		again, err := run(t, c)
		if err != nil || outcomes(again)["put"] != 0 {
			t.Errorf("%s again: %v, %v", tt.date, outcomes(again), err)
		}
	}
}

func testNoData(t *testing.T, s *harness.Stack) {
	api, _ := serve(t, coincap.SimulatorConfig{})
	before := len(objects(t, s))
	c := History{From: day(t, "2005-01-01"), To: day(t, "2005-01-31"), Interval: "d1", Assets: []string{"bitcoin", "no-such-coin", "bitcoin"}, topFlag: topFlag{20}, fetchFlags: flags(t, s, api)}
	results, err := run(t, c)
	var none *ingest.NoDataError
	if !errors.As(err, &none) || none.Empty != 1 || none.Unknown != 1 || outcomes(results)["no data"] != 2 || len(results) != 2 {
		t.Fatalf("%+v, %v", results, err)
	}
	if results[0].Key == "" || results[1].Key != "" || len(objects(t, s)) != before+1 {
		t.Errorf("the empty list is to be kept, the 404 not: %+v", results)
	}
	if results[0].Reason == "" || results[1].Reason == "" || results[0].Reason == results[1].Reason {
		t.Errorf("the reasons are not told: %+v", results)
	}
	c.From, c.To = day(t, "2025-03-01"), day(t, "2025-03-31")
	results, err = run(t, c)
	if err != nil || outcomes(results)["no data"] != 1 || outcomes(results)["put"] != 1 {
		t.Errorf("one asset of two has data: %+v, %v", results, err)
	}
}

func testFailures(t *testing.T, s *harness.Stack) {
	always := coincap.Fault{Probability: 1}
	tests := map[string]coincap.SimulatorConfig{
		"401":       {Key: "other"},
		"429":       {Faults: coincap.Faults{RateLimited: always}},
		"500":       {Faults: coincap.Faults{ServerError: always}},
		"truncated": {Faults: coincap.Faults{Truncated: always}},
		"page":      {Faults: coincap.Faults{HTML: always}},
		"farewell":  {Faults: coincap.Faults{Farewell: always}},
	}
	before := len(objects(t, s))
	for name, cfg := range tests {
		cfg.Seed = 99 // so that its bytes are nobody else's
		api, _ := serve(t, cfg)
		f := flags(t, s, api)
		for _, c := range []command{
			Snapshot{topFlag: topFlag{3}, fetchFlags: f},
			Daily{Date: day(t, "2025-07-01"), topFlag: topFlag{3}, fetchFlags: f},
			History{From: day(t, "2025-06-01"), Interval: "d1", Assets: []string{"bitcoin", "tether"}, topFlag: topFlag{3}, fetchFlags: f},
		} {
			results, err := run(t, c)
			var failed *coincap.Error
			if !errors.As(err, &failed) || len(results) != 0 {
				t.Errorf("%s, %T: %+v, %v", name, c, results, err)
			}
		}
	}
	if after := len(objects(t, s)); after != before {
		t.Errorf("%d objects were left by failed fetches", after-before)
	}
}

func testPut(t *testing.T, s *harness.Stack) {
	client, err := flags(t, s, "").Client()
	if err != nil {
		t.Fatal(err)
	}
	key := bronze.Key{Source: "coincap", Dataset: "assets", IngestDate: day(t, "2025-07-01"), Name: "once", Ext: bronze.JSON}
	for i, want := range []bool{true, false, false} {
		created, err := bronze.Put(t.Context(), client, s.Bucket(), bronze.Object{
			Key: key, Body: fmt.Appendf(nil, `{"data":[%d]}`, i), Metadata: map[string]string{bronze.MetaStatus: "200"},
		})
		if err != nil || created != want {
			t.Errorf("put %d: created %v, %v", i, created, err)
		}
	}
	object, err := s.Client().GetObject(t.Context(), s.Bucket(), key.String(), minio.GetObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(object); err != nil || string(body) != `{"data":[0]}` {
		t.Errorf("the object holds %s, %v", body, err)
	}
	refusals := []struct {
		client *minio.Client
		bucket string
		meta   map[string]string
		want   string
	}{
		{s.ClientAs(t, "analyst"), s.Bucket(), nil, "may not write there"},
		{client, "absent", nil, "there is no such bucket"},
		{client, s.Bucket(), map[string]string{"Request-URL": "x"}, "the metadata name"},
		{client, s.Bucket(), map[string]string{"asset-id": "é"}, "printable ASCII"},
		{client, "no bucket's name", nil, "put bronze object bronze/coincap"},
	}
	key.Name = "refused"
	for _, r := range refusals {
		if created, err := bronze.Put(t.Context(), r.client, r.bucket, bronze.Object{Key: key, Body: []byte("{}"), Metadata: r.meta}); created || err == nil || !strings.Contains(err.Error(), r.want) {
			t.Errorf("created %v, error %v, want %q", created, err, r.want)
		}
	}
	key.Dataset = "../silver"
	if _, err := bronze.Put(t.Context(), client, s.Bucket(), bronze.Object{Key: key, Body: []byte("{}")}); err == nil {
		t.Error("a key outside bronze is taken")
	}
}
