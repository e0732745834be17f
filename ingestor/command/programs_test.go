package command

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"millrace/infra/cli"
	"millrace/ingestor/coincap"
	"millrace/tests/harness"
)

func TestSnapshotsComeAtTheirInterval(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())
	var mu sync.Mutex
	at := noon
	simulator, err := coincap.NewSimulator(coincap.SimulatorConfig{
		Now: func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			at = at.Add(time.Minute)
			return at
		},
		Faults: coincap.Faults{ServerError: coincap.Fault{First: 1}}, // outlasted, not the end
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(simulator)
	defer server.Close()
	f := flags(t, s, server.URL)
	f.Patience = 10 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	defer cancel()
	read, written := io.Pipe()
	go func() {
		err := Snapshot{Every: time.Second, topFlag: topFlag{3}, fetchFlags: f}.Run(ctx, cli.NewOutput(written, "json"), atNoon)
		_ = written.Close()
		done <- err
	}()
	printed := json.NewDecoder(read)
	for range 2 {
		var results []result
		if err := printed.Decode(&results); err != nil || len(results) != 1 || results[0].Outcome != "put" {
			t.Fatalf("printed %+v, %v", results, err)
		}
	}
	if n := len(objects(t, s)); n < 2 {
		t.Errorf("%d objects after two results", n)
	}
	cancel()
	if _, err := io.Copy(io.Discard, read); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Errorf("a stopped snapshot command fails: %v", err)
	}
}

func TestSnapshotsEndWhenTheKeyIsRefused(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())
	api, _ := serve(t, coincap.SimulatorConfig{Key: "other"})
	if _, err := run(t, Snapshot{Every: time.Hour, topFlag: topFlag{3}, fetchFlags: flags(t, s, api)}); err == nil || !strings.Contains(err.Error(), "COINCAP_API_KEY") {
		t.Errorf("error is %v", err)
	}
}

// The simulator as a program: prints its address once it answers, is stopped by one signal, and refuses others' keys.
func TestSimulateServesUntilStopped(t *testing.T) {
	command := exec.Command(harness.Program(t, "ingestor"), "simulate", "--listen", "127.0.0.1:0", "--seed", "4", "--key", "k", "--output", "json")
	command.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "MILLRACE_") }), "MILLRACE_HOME="+t.TempDir())
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = command.Process.Kill() }()
	var printed []struct {
		Address string `json:"COINCAP_BASE_URL"`
	}
	if err := json.NewDecoder(stdout).Decode(&printed); err != nil || len(printed) != 1 {
		t.Fatalf("it printed %v, %v", printed, err)
	}
	for key, want := range map[string]int{"k": 200, "x": 401} {
		request, err := http.NewRequest(http.MethodGet, printed[0].Address+"/assets?limit=1", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+key)
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("with key %s: %d %s", key, answer.StatusCode, body)
		}
	}
	if err := command.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err != nil {
		t.Errorf("stopped by a signal it ends with %v", err)
	}
}

func testExitCodes(t *testing.T, s *harness.Stack) {
	api, _ := serve(t, coincap.SimulatorConfig{Key: "good-key"})
	tests := []struct {
		name string
		key  string
		args []string
		code int
		says string
	}{
		{"done", "good-key", []string{"snapshot", "--top", "3", "--output", "csv"}, 0, "bronze/coincap/assets/ingest_date="},
		{"refused key", "bad-key", []string{"snapshot"}, 1, "COINCAP_API_KEY"},
		{"unreachable store", "good-key", []string{"snapshot", "--s3-endpoint", "http://127.0.0.1:1"}, 1, "put bronze object"},
		{"no date", "good-key", []string{"daily"}, 2, "--date"},
		{"no day", "good-key", []string{"daily", "--date", "2025-02-30"}, 2, "not a day"},
		{"future", "good-key", []string{"daily", "--date", "2999-01-01"}, 2, "in the future"},
		{"wrong order", "good-key", []string{"history", "--from", "2025-02-02", "--to", "2025-02-01"}, 2, "is after"},
		{"no slug", "good-key", []string{"history", "--from", "2025-02-02", "--assets", "../x"}, 2, "slug"},
		{"no interval", "good-key", []string{"history", "--from", "2025-02-02", "--interval", "w1"}, 2, "none of m1"},
		{"no assets", "good-key", []string{"snapshot", "--top", "0"}, 2, "--top"},
		{"too often", "good-key", []string{"snapshot", "--every", "1ms"}, 2, "--every"},
		{"bad fault", "good-key", []string{"simulate", "--fail-500", "often"}, 2, "often"},
		{"bad restatement", "good-key", []string{"simulate", "--restate", "bitcoin"}, 2, "SLUG:DAY:FACTOR"},
		{"no recordings", "good-key", []string{"simulate", "--listen", "127.0.0.1:0", "--recorded", t.TempDir()}, 1, "there are none"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := s.RunEnv(t, []string{"COINCAP_BASE_URL=" + api, "COINCAP_API_KEY=" + tt.key}, "ingestor", tt.args...)
			if r.Code != tt.code || !strings.Contains(r.Stdout+r.Stderr, tt.says) {
				t.Errorf("want exit code %d and %q, got %s", tt.code, tt.says, r)
			}
			if strings.Contains(r.Stdout+r.Stderr, tt.key) {
				t.Errorf("the key shows in %s", r)
			}
		})
	}
}
