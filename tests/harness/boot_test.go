package harness_test

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"millrace/tests/harness"
)

func TestStartIsQuick(t *testing.T) {
	harness.Program(t, "stack") // not the time to build it
	began := time.Now()
	harness.Start(t, harness.WithoutReactor())
	if took := time.Since(began); took > 10*time.Second {
		// 0.7 s on an idle machine; this bound only tells a wait that should not be there.
		t.Errorf("the stack took %s to start", took)
	}
}

func TestASecondStackOnTheSameHomeIsRefused(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())
	r := harness.Up(t, s.Home, harness.WithoutReactor()).Wait(t)
	if r.Code != 1 {
		t.Fatalf("want exit code 1: %s", r)
	}
	for _, want := range []string{"in use by another stack", "process " + itoa(s.PID), s.Home, "MILLRACE_HOME"} {
		if !strings.Contains(r.Stderr, want) {
			t.Errorf("the error does not say %q: %s", want, r)
		}
	}
	if r := s.Run(t, "stack", "status"); r.Code != 0 || !strings.Contains(r.Stdout, s.S3) {
		t.Errorf("the first stack is no longer ready: %s", r)
	}
}

func TestATakenPortIsNamedBeforeAnythingStarts(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	port := itoa(listener.Addr().(*net.TCPAddr).Port)
	tests := []struct {
		setting, wayOut string
		opts            []harness.Option
	}{
		{"MILLRACE_S3_PORT=" + port, "MILLRACE_S3_PORT=0", []harness.Option{harness.WithoutReactor()}},
		{"MILLRACE_NATS_PORT=" + port, "MILLRACE_NATS_PORT=0", []harness.Option{harness.WithoutReactor()}},
		{"MILLRACE_HTTP_ADDR=127.0.0.1:" + port, "MILLRACE_HTTP_ADDR=127.0.0.1:0", nil},
	}
	for _, tt := range tests {
		home := t.TempDir()
		r := harness.Up(t, home, append(tt.opts, harness.WithEnv(tt.setting))...).Wait(t)
		if r.Code != 1 || !strings.Contains(r.Stderr, "port "+port) || !strings.Contains(r.Stderr, tt.wayOut) {
			t.Errorf("%s: want exit code 1 and the way out: %s", tt.setting, r)
		}
		if _, err := os.Stat(filepath.Join(home, "minio")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: something was started all the same", tt.setting)
		}
	}
}

func TestWrongUsageIsExitCode2(t *testing.T) {
	for _, args := range [][]string{{"--days", "0"}, {"--top", "5000"}, {"--http-addr", "8088"}, {"--recorded", "no-such-folder"}, {"--unknown"}} {
		if r := harness.Up(t, t.TempDir(), harness.WithoutReactor(), harness.WithArgs(args...)).Wait(t); r.Code != 2 {
			t.Errorf("%q: want exit code 2: %s", args, r)
		}
	}
}

func TestCtrlCLeavesNoProcessBehind(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())
	minio := s.ChildPID(t, "minio")
	r := s.Process().Stop(t)
	if r.Code != 0 {
		t.Errorf("want exit code 0: %s", r)
	}
	if !gone(minio) {
		t.Errorf("MinIO still runs as process %d", minio)
	}
	for _, addr := range []string{s.S3, s.NATS} {
		if listening(addr) {
			t.Errorf("somebody still listens on %s", addr)
		}
	}
	if _, err := os.Stat(filepath.Join(s.Home, "ready")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the stack still says that it is ready: %v", err)
	}
	if r := s.Run(t, "stack", "status"); r.Code != 1 || !strings.Contains(r.Stderr, "no stack is ready") {
		t.Errorf("status: %s", r)
	}
}

func TestEnvIsForEval(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())
	for role, nats := range map[string]bool{"owner": true, "reactor": true, "ingestor": false, "analyst": false} {
		r := s.Run(t, "stack", "env", "--role", role)
		if r.Code != 0 {
			t.Fatal(r)
		}
		shell := exec.Command("sh", "-c", r.Stdout+`echo "$AWS_ACCESS_KEY_ID|$AWS_ENDPOINT_URL_S3|$MILLRACE_S3_ENDPOINT|$MILLRACE_HOME|${MILLRACE_NATS_URL+nats}"`)
		shell.Env = []string{"PATH=" + os.Getenv("PATH")}
		out, err := shell.CombinedOutput()
		want := role + "|" + s.S3 + "|" + s.S3 + "|" + s.Home + "|"
		if nats {
			want += "nats"
		}
		if err != nil || strings.TrimSpace(string(out)) != want {
			t.Errorf("the shell has %s, %v; want %s", out, err, want)
		}
		// The program runs in another folder, as in another checkout after an eval in the first: say whose lake it is.
		if !strings.Contains(r.Stderr, "the lakehouse in "+s.Home+" answers, because MILLRACE_HOME names it") {
			t.Errorf("it is not said which home answers: %s", r)
		}
	}
	if r := s.Run(t, "stack", "env", "--home", s.Home); r.Code != 0 || r.Stderr != "" {
		t.Errorf("a home that is named by the flag is nothing to warn of: %s", r)
	}
	if r := s.Run(t, "stack", "env", "--role", "root"); r.Code != 2 {
		t.Errorf("an unknown role: %s", r)
	}
	if r := s.Run(t, "stack", "env", "--home", t.TempDir()); r.Code != 1 || !strings.Contains(r.Stderr, "no stack ever ran") {
		t.Errorf("a home without a stack: %s", r)
	}
}

func TestARestartKeepsObjectsAndCredentials(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())
	s.Put(t, "bronze/coincap/assets/ingest_date=2026-01-02/a.json", []byte("{}"), nil)
	before := s.Vars(t, "owner")["MILLRACE_S3_SECRET_KEY"]
	s.Stop(t)
	s.Restart(t)
	if after := s.Vars(t, "owner")["MILLRACE_S3_SECRET_KEY"]; after != before {
		t.Error("the owner's key changed")
	}
	if _, err := s.Client().StatObject(t.Context(), s.Bucket(), "bronze/coincap/assets/ingest_date=2026-01-02/a.json", statOptions); err != nil {
		t.Errorf("the object is gone: %v", err)
	}
}

func TestSecretsAreForTheirOwnerOnly(t *testing.T) {
	s := harness.Start(t, harness.WithoutReactor())
	for _, name := range []string{"credentials.json", "env/owner.env", "env/reactor.env", "env/ingestor.env", "env/analyst.env", "log/minio.log"} {
		info, err := os.Stat(filepath.Join(s.Home, name))
		if err != nil {
			t.Error(err)
			continue
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode().Perm())
		}
	}
	secret := s.Vars(t, "owner")["MILLRACE_S3_SECRET_KEY"]
	s.Stop(t)
	logs, err := filepath.Glob(filepath.Join(s.Home, "log", "*"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("no logs: %v", err)
	}
	for _, log := range logs {
		if text, err := os.ReadFile(log); err != nil || strings.Contains(string(text), secret) {
			t.Errorf("%s shows the owner's key, or cannot be read: %v", log, err)
		}
	}
}

func gone(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

func listening(url string) bool {
	_, addr, _ := strings.Cut(url, "://")
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}
