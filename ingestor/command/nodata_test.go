package command

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"millrace/ingestor/coincap"
	"millrace/ingestor/coincap/ingest"
	"millrace/tests/harness"
)

var always = coincap.Fault{Probability: 1}

// A day without a single point is no success: whoever schedules the command would never ask for it again.
func TestADayWithoutDataFailsAndSaysWhy(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())
	tests := []struct {
		name   string
		faults coincap.Faults
		date   string
		none   *ingest.NoDataError // the failure; nil for success
		says   string              // another failure
		puts   int                 // objects of histories with data
		skips  int
	}{
		{"every history is unknown", coincap.Faults{Missing: always}, "2025-06-29", &ingest.NoDataError{Days: "2025-06-29", Unknown: 4}, "", 0, 0},
		{"every history is empty", coincap.Faults{Empty: always}, "2025-06-29", &ingest.NoDataError{Days: "2025-06-29", Empty: 4}, "", 0, 0},
		{"empty, and yesterday, so with a snapshot", coincap.Faults{Empty: always}, "2025-06-30", &ingest.NoDataError{Days: "2025-06-30", Empty: 4}, "", 0, 0},
		{"empty, but the day still runs", coincap.Faults{Empty: always}, "2025-07-01", nil, "", 0, 0},
		{"another week", coincap.Faults{OtherDays: always}, "2025-06-29", nil, "4 of 4 histories failed", 0, 0},
		{"odd ids", coincap.Faults{OddIDs: always}, "2025-06-29", nil, "", 2, 2},
		{"odd ids and nothing else", coincap.Faults{OddIDs: always, Empty: always}, "2025-06-29", &ingest.NoDataError{Days: "2025-06-29", Empty: 2, Skipped: 2}, "", 0, 2},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			api, _ := serve(t, coincap.SimulatorConfig{Seed: uint64(500 + i), Faults: tt.faults})
			var log bytes.Buffer
			defer slog.SetDefault(slog.Default())
			slog.SetDefault(slog.New(slog.NewJSONHandler(&log, nil)))
			results, err := run(t, Daily{Date: day(t, tt.date), topFlag: topFlag{4}, fetchFlags: flags(t, s, api)})
			var none *ingest.NoDataError
			switch {
			case tt.none != nil:
				if !errors.As(err, &none) || *none != *tt.none {
					t.Fatalf("error is %v, want %v", err, tt.none)
				}
			case tt.says != "":
				if err == nil || !strings.Contains(err.Error(), tt.says) {
					t.Fatalf("error %v does not say %q", err, tt.says)
				}
			case err != nil:
				t.Fatal(err)
			}
			if n := outcomes(results)["skipped"]; n != tt.skips {
				t.Errorf("%d are skipped, want %d", n, tt.skips)
			}
			puts := 0
			for _, r := range results {
				if r.Dataset == "history" && r.Outcome == "put" {
					puts++
				}
				if odd := r.Outcome == "no data" || r.Outcome == "skipped"; odd != (r.Reason != "") {
					t.Errorf("%s of %s has the reason %q", r.Outcome, r.Asset, r.Reason)
				}
			}
			if puts != tt.puts {
				t.Errorf("%d histories were put, want %d", puts, tt.puts)
			}
			checkLog(t, log.String(), results)
		})
	}
}

// checkLog holds the log to one warning for each reason: a scheduler's log has nothing but keys besides.
func checkLog(t *testing.T, log string, results []result) {
	t.Helper()
	reasons := map[string]int{}
	for _, r := range results {
		if r.Reason != "" {
			reasons[r.Reason]++
		}
	}
	for line := range strings.Lines(log) {
		var record struct {
			Level, Reason string
			Answers       int
		}
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatal(err)
		}
		if record.Level == "WARN" && reasons[record.Reason] != record.Answers {
			t.Errorf("the log counts %d for %q, want %d", record.Answers, record.Reason, reasons[record.Reason])
		}
		if record.Level == "WARN" {
			delete(reasons, record.Reason)
		}
	}
	if len(reasons) > 0 {
		t.Errorf("the log does not tell of %v:\n%s", reasons, log)
	}
}

// The exit code is the one that is tried again, and a script gets keys alone.
func TestAScriptGetsKeysAndASchedulerAFailureToTryAgain(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())
	api, simulator := serve(t, coincap.SimulatorConfig{Seed: 700})
	env := []string{"COINCAP_BASE_URL=" + api, "MILLRACE_INGEST_FINAL_EXIT_CODE=3"}
	for _, tt := range []struct {
		args []string
		keys int
	}{
		{[]string{"snapshot", "--top", "3"}, 1},
		{[]string{"daily", "--date", "2025-06-29", "--top", "3"}, 3},
		{[]string{"history", "--from", "2025-06-01", "--to", "2025-06-02", "--assets", "bitcoin,no-such-coin"}, 1},
	} {
		r := s.RunEnv(t, env, "ingestor", tt.args...)
		keys := strings.Split(strings.TrimSuffix(r.Stdout, "\n"), "\n")
		if r.Code != 0 || len(keys) != tt.keys {
			t.Errorf("%v: %d lines, want %d keys: %s", tt.args, len(keys), tt.keys, r)
		}
		for _, key := range keys {
			if _, err := s.Client().StatObject(t.Context(), s.Bucket(), key, minio.StatObjectOptions{}); err != nil {
				t.Errorf("%v printed %q: %v", tt.args, key, err)
			}
		}
	}
	calls := simulator.Calls()
	if r := s.RunEnv(t, env, "ingestor", "history", "--from", "2025-06-01", "--to", "2025-06-02", "--dry-run"); r.Code != 0 || !strings.Contains(r.Stdout, "credits") || simulator.Calls() != calls {
		t.Errorf("a dry run asks nothing and prints the cost: %s", r)
	}
	api, _ = serve(t, coincap.SimulatorConfig{Faults: coincap.Faults{Missing: always}})
	r := s.RunEnv(t, append(env, "COINCAP_BASE_URL="+api), "ingestor", "daily", "--date", "2025-06-29", "--top", "3")
	if r.Code != 1 || r.Stdout != "" || !strings.Contains(r.Stderr, "no asset has data for 2025-06-29") {
		t.Errorf("want exit code 1 and the reason: %s", r)
	}
}
