package settings

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"pgregory.net/rapid"
)

const password = "hunter2hunter2"

func TestSecretsPrintAsStars(t *testing.T) {
	s3 := S3{AccessKey: "ingestor", SecretKey: password}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("start", "s3", s3, "key", s3.SecretKey)
	slog.New(slog.NewTextHandler(&log, nil)).Info("start", "s3", s3, "key", s3.SecretKey)
	asJSON, err := json.Marshal(s3)
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{fmt.Sprint(s3), fmt.Sprintf("%+v", &s3), fmt.Sprintf("%#v", s3), fmt.Sprintf("%s|%q", s3.SecretKey, s3.SecretKey), log.String(), string(asJSON)} {
		if strings.Contains(shown, password) {
			t.Errorf("the secret shows in %s", shown)
		}
		if !strings.Contains(shown, "***") {
			t.Errorf("no mark of a hidden secret in %s", shown)
		}
	}
	if s3.SecretKey.Reveal() != password {
		t.Error("Reveal does not return the secret")
	}
}

func TestS3ClientSaysWhatIsWrong(t *testing.T) {
	good := S3{Endpoint: "http://127.0.0.1:9000", AccessKey: "a", SecretKey: "b"}
	tests := []struct {
		name   string
		change func(*S3)
		want   string
	}{
		{"complete", func(*S3) {}, ""},
		{"tls", func(s *S3) { s.Endpoint = "https://s3.example.com" }, ""},
		{"no endpoint", func(s *S3) { s.Endpoint = "" }, "go tool task up"},
		{"no scheme", func(s *S3) { s.Endpoint = "127.0.0.1:9000" }, "not an address"},
		{"other scheme", func(s *S3) { s.Endpoint = "s3://lakehouse" }, "not an address"},
		{"bucket in the endpoint", func(s *S3) { s.Endpoint += "/lakehouse" }, "MILLRACE_BUCKET"},
		{"user in the endpoint", func(s *S3) { s.Endpoint = "http://a:" + password + "@127.0.0.1:9000" }, "MILLRACE_S3_ACCESS_KEY"},
		{"no access key", func(s *S3) { s.AccessKey = "" }, "stack env"},
		{"no secret key", func(s *S3) { s.SecretKey = "" }, "stack env"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := good
			tt.change(&s)
			_, err := s.Client()
			checkError(t, err, tt.want)
		})
	}
}

func TestAStoreThatDoesNotAnswerIsNamedWithWhatStartsIt(t *testing.T) {
	for _, endpoint := range []string{"http://127.0.0.1:1", "http://no-such-host.invalid:9000"} {
		client, err := S3{Endpoint: endpoint, AccessKey: "a", SecretKey: "b"}.Client()
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.BucketExists(t.Context(), "lakehouse")
		checkError(t, err, "the object store does not answer at "+strings.TrimSuffix(strings.TrimPrefix(endpoint, "http://"), ":9000"))
		checkError(t, err, "go tool task up")
	}
	var unanswered *Unanswered
	if err := errors.New("access denied"); errors.As(NoAnswer("the object store", err), &unanswered) {
		t.Errorf("%v counts as no answer", err)
	}
}

func TestCatalogURI(t *testing.T) {
	home := Home{Home: t.TempDir()}
	uri, err := Catalog{}.URI(home)
	if err != nil {
		t.Fatal(err)
	}
	if want := "sqlite:///" + filepath.Join(home.Home, "catalog.db"); uri.Reveal() != want {
		t.Errorf("default catalog is %s, want %s", uri.Reveal(), want)
	}
	if path, ok := SQLitePath(uri); !ok || path != filepath.Join(home.Home, "catalog.db") {
		t.Errorf("SQLitePath gives %q, %v", path, ok)
	}
	if _, ok := SQLitePath("postgres://127.0.0.1/lake"); ok {
		t.Error("a postgres address is taken for a file")
	}
	if uri, err = (Catalog{Catalog: "postgres://u:p@h/lake"}).URI(home); err != nil || uri.Reveal() != "postgres://u:p@h/lake" {
		t.Errorf("postgres address became %q, %v", uri.Reveal(), err)
	}
	_, err = Catalog{Catalog: "mysql://u:" + password + "@h/lake"}.URI(home)
	checkError(t, err, "sqlite:// or postgres://")
}

// SQLAlchemy hands file:… to SQLite, which unescapes it. A reader of this project finds the same file.
func TestAReadersAddressNamesTheSameFile(t *testing.T) {
	for _, file := range []string{"/home/a/catalog.db", "/home/a b/it's/50%/catalog#1?.db", "/home/ü/catalog.db"} {
		address, ok := ReadOnly(Secret("sqlite:///" + file))
		if !ok {
			t.Fatalf("%s has no address for readers", file)
		}
		uri := strings.TrimPrefix(address.Reveal(), "sqlite:///")
		if !strings.HasPrefix(uri, "file:/home/") || !strings.HasSuffix(uri, "?mode=ro&uri=true") || strings.Count(uri, "?") != 1 || strings.Contains(uri, "#") {
			t.Errorf("%s: the address is %s", file, uri)
		}
		if back, ok := SQLitePath(address); !ok || back != file {
			t.Errorf("%s became %s", file, back)
		}
		if again, ok := ReadOnly(address); !ok || again != address {
			t.Errorf("made read-only twice: %s and %s", address.Reveal(), again.Reveal())
		}
	}
	if address, ok := ReadOnly("postgres://u:" + password + "@h/lake"); ok || address != "" {
		t.Errorf("a database server has users, and here %s", address.Reveal())
	}
}

func TestNATSConnect(t *testing.T) {
	srv, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoSigs: true, Username: "reactor", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	defer srv.Shutdown()
	address := strings.TrimPrefix(srv.ClientURL(), "nats://")

	conn, err := NATS{URL: Secret("nats://reactor:" + password + "@" + address)}.Connect(context.Background(), "test")
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()

	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	tests := []struct {
		name string
		ctx  context.Context
		nats NATS
		want string
	}{
		{"wrong password", context.Background(), NATS{URL: Secret("nats://reactor:" + password + "x@" + address)}, "refused the user or password"},
		{"nobody there", context.Background(), NATS{URL: "nats://reactor:" + password + "@127.0.0.1:1"}, "go tool task up"},
		{"unreadable", context.Background(), NATS{URL: "nats://reactor:" + password + "@127.0.0.1:port"}, "must look like"},
		{"no credentials file", context.Background(), NATS{URL: Secret(address), Creds: "absent.creds"}, "MILLRACE_NATS_CREDS"},
		{"cancelled", cancelled, NATS{URL: "nats://reactor:" + password + "@127.0.0.1:1"}, "connect to NATS"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.nats.Connect(tt.ctx, "test")
			checkError(t, err, tt.want)
		})
	}
}

func checkError(t *testing.T, err error, want string) {
	t.Helper()
	var unanswered *Unanswered
	if errors.As(err, &unanswered) {
		err = fmt.Errorf("%w; %s", err, unanswered.Advice())
	}
	switch {
	case want == "" && err != nil:
		t.Errorf("unexpected error: %v", err)
	case want != "" && err == nil:
		t.Errorf("no error, want one with %q", want)
	case want != "" && !strings.Contains(err.Error(), want):
		t.Errorf("error %q does not say %q", err, want)
	case err != nil && strings.Contains(err.Error(), password):
		t.Errorf("the password shows in %q", err)
	}
}

func TestEnvFileFillsOnlyWhatIsMissing(t *testing.T) {
	home := t.TempDir()
	if err := loadEnv(home, "ingestor"); err != nil {
		t.Fatalf("an absent file is an error: %v", err)
	}
	if _, err := ReadEnv(home, "ingestor"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ReadEnv of an absent file: %v", err)
	}
	vars := map[string]string{"MILLRACE_TEST_SET": "file", "MILLRACE_TEST_UNSET": "file", "MILLRACE_TEST_EMPTY": "file"}
	if err := WriteEnv(home, "ingestor", vars); err != nil {
		t.Fatal(err)
	}
	t.Setenv("MILLRACE_TEST_SET", "process")
	t.Setenv("MILLRACE_TEST_EMPTY", "")
	t.Setenv("MILLRACE_TEST_UNSET", "")
	_ = os.Unsetenv("MILLRACE_TEST_UNSET")
	if err := loadEnv(home, "ingestor"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"MILLRACE_TEST_SET": "process", "MILLRACE_TEST_UNSET": "file", "MILLRACE_TEST_EMPTY": ""} {
		if got := os.Getenv(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	info, err := os.Stat(EnvFile(home, "ingestor"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the env file has mode %v", info.Mode().Perm())
	}
}

// A program that is started with another role's credentials takes nothing from the file of its own: an analyst could publish.
func TestEnvFileGivesNothingToAnotherRole(t *testing.T) {
	home := t.TempDir()
	const secret = "MILLRACE_TEST_NATS"
	if err := WriteEnv(home, "reactor", map[string]string{accessKey: "reactor", secret: "password"}); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"": "password", "reactor": "password", RoleOwner: "password", "analyst": "", "reporter": "", "ingestor": ""} {
		t.Setenv(accessKey, key)
		t.Setenv(secret, "")
		_ = os.Unsetenv(secret)
		if err := loadEnv(home, "reactor"); err != nil {
			t.Fatal(err)
		}
		if got := os.Getenv(secret); got != want {
			t.Errorf("with the access key %q the program has %q, want %q", key, got, want)
		}
	}
}

func TestEnvFileRoundTrips(t *testing.T) {
	home := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		vars := rapid.MapOf(
			rapid.StringMatching(`MILLRACE_[A-Z][A-Z0-9_]{0,12}`),
			rapid.StringMatching(`[A-Za-z0-9:/@.+=$#!\\"' -]{0,40}`),
		).Draw(t, "vars")
		if err := WriteEnv(home, "owner", vars); err != nil {
			// Refused is fine; written and read differently is not.
			return
		}
		back, err := ReadEnv(home, "owner")
		if err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(back, vars) {
			t.Fatalf("wrote %q, read %q", vars, back)
		}
	})
}

func TestEnvFileKeepsWhatTheStackWrites(t *testing.T) {
	home := t.TempDir()
	vars := map[string]string{"MILLRACE_NATS_URL": "nats://reactor:aB3-_xyz@127.0.0.1:4222", "MILLRACE_CATALOG": "sqlite:////home/a b/it's/catalog.db"}
	if err := WriteEnv(home, "owner", vars); err != nil {
		t.Fatal(err)
	}
	back, err := ReadEnv(home, "owner")
	if err != nil || !maps.Equal(back, vars) {
		t.Errorf("wrote %q, read %q, %v", vars, back, err)
	}
}

func TestBrokenEnvFileDoesNotShowItsText(t *testing.T) {
	home := t.TempDir()
	if err := os.MkdirAll(filepath.Join(home, "env"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(EnvFile(home, "owner"), []byte("SECRET=\""+password), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := ReadEnv(home, "owner")
	checkError(t, err, "remove the file")
}

func TestHomeOf(t *testing.T) {
	t.Setenv("MILLRACE_HOME", "from-env")
	tests := []struct {
		args []string
		want string
	}{
		{nil, "from-env"},
		{[]string{"daily", "--home", "flag"}, "flag"},
		{[]string{"--home=flag", "daily"}, "flag"},
		{[]string{"query", "--", "--home=text"}, "from-env"},
		{[]string{"--home"}, "from-env"},
	}
	for _, tt := range tests {
		if got := homeOf(tt.args); got != tt.want {
			t.Errorf("homeOf(%q) = %s, want %s", tt.args, got, tt.want)
		}
	}
	t.Setenv("MILLRACE_HOME", "")
	if got := homeOf(nil); got != ".millrace" {
		t.Errorf("default home is %s", got)
	}
}
