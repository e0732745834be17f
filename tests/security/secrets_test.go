package security_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	s3 "github.com/minio/minio-go/v7"
	"github.com/nats-io/nats.go/jetstream"

	"millrace/tests/harness"
	"millrace/tests/harness/home"
)

// said holds everything that the run has said, by where it said it.
type said map[string]string

// secrets looks for every secret of the run, in its usual spellings.
func secrets(t *testing.T, s *harness.Stack) {
	creds := s.Credentials(t)
	hidden := map[string]string{"MinIO's root password": creds.Root, "CoinCap's key": coincapKey, "a database's password": "pass-of-a-database", "a wrong NATS password": "pass-of-nats", "a wrong S3 key": "wrong-secret-key"}
	for user, secret := range creds.S3 {
		hidden["S3 key of "+user] = secret
	}
	for user, secret := range creds.NATS {
		hidden["NATS password of "+user] = secret
	}
	for role, token := range creds.Tokens {
		hidden["token of "+role] = token
	}
	for secret := range vendedSecrets {
		hidden["a vended secret "+secret[:4]] = secret
	}
	if len(vendedSecrets) < 10 {
		t.Errorf("only %d secrets were vended", len(vendedSecrets))
	}
	said := said{}
	arguments(t, s, said)
	commands(t, s, said)
	objects(t, s, said)
	messages(t, s, said)
	files(t, s, said)
	said["stack stdout"], said["stack stderr"] = s.Process().Stdout(), s.Process().Stderr()
	for _, path := range []string{"/metrics", "/readyz", "/healthz"} {
		response, err := http.Get("http://" + s.HTTP + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		said[path] = string(body)
	}
	total := 0
	for where, text := range said {
		total += len(text)
		for what, secret := range hidden {
			for _, form := range []string{secret, url.QueryEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret)), fmt.Sprintf("%x", secret)} {
				if strings.Contains(text, form) {
					i := strings.Index(text, form)
					t.Errorf("%s is in %s: …%s", what, where, strings.ReplaceAll(text[max(0, i-80):i+len(form)], form, "[here]"))
				}
			}
		}
	}
	if len(said) < 30 {
		t.Errorf("only %d places were looked at", len(said))
	}
	t.Logf("%d secrets looked for in %d places, %d bytes", len(hidden), len(said), total)
}

// arguments notes the command lines of the run's processes, which every user of the machine can read.
func arguments(t *testing.T, s *harness.Stack, said said) {
	t.Helper()
	for name, pid := range map[string]int{"stack": s.PID, "minio": s.ChildPID(t, "minio"), "reactor": s.ChildPID(t, "reactor")} {
		text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
		if err != nil || len(text) == 0 {
			t.Fatalf("the command line of %s: %v", name, err)
		}
		said["arguments of "+name] = string(text)
	}
}

// commands runs programs, well and badly, with every kind of secret at hand.
func commands(t *testing.T, s *harness.Stack, said said) {
	t.Helper()
	run := func(code int, env []string, program string, args ...string) {
		t.Helper()
		r := s.RunEnv(t, append(env, "MILLRACE_LOG_LEVEL=debug"), program, args...)
		if r.Code != code {
			t.Errorf("%s %v with %v: %s", program, args, env, r)
		}
		said[fmt.Sprintf("%s %v %d", program, args, len(said))] = r.String()
	}
	simulator := harness.Launch(t, append(home.CleanEnvironment(), "MILLRACE_SIMULATOR_KEY="+coincapKey), "ingestor", "simulate", "--listen", "127.0.0.1:0", "--output", "json")
	address := ""
	harness.Eventually(t, "the simulator says where it listens", func() bool {
		for _, text := range []string{simulator.Stdout(), simulator.Stderr()} {
			if i := strings.Index(text, "http://127.0.0.1:"); i >= 0 {
				address = text[i : i+strings.IndexAny(text[i+8:], "/\" \n")+8]
				return true
			}
		}
		return false
	})
	api := []string{"COINCAP_BASE_URL=" + address + "/v3", "COINCAP_API_KEY=" + coincapKey}
	run(0, api, "ingestor", "snapshot", "--top", "3", "--output", "json")
	run(1, []string{"COINCAP_BASE_URL=" + address + "/v3", "COINCAP_API_KEY=" + coincapKey + "x"}, "ingestor", "snapshot")
	run(1, []string{"COINCAP_BASE_URL=http://127.0.0.1:1/v3", "COINCAP_API_KEY=" + coincapKey, "MILLRACE_INGEST_PATIENCE=1s"}, "ingestor", "snapshot")
	run(1, append(api, "MILLRACE_S3_SECRET_KEY=wrong-secret-key"), "ingestor", "snapshot")
	run(0, nil, "reactor", "tables")
	run(0, nil, "reactor", "dlq", "list")
	run(0, nil, "reactor", "reconcile")
	run(0, nil, "reactor", "replay", "--dataset", "coincap/assets", "--wait")
	run(1, []string{"MILLRACE_S3_SECRET_KEY=wrong-secret-key"}, "reactor", "reconcile")
	run(1, []string{"MILLRACE_NATS_URL=nats://reactor:pass-of-nats@" + strings.TrimPrefix(s.NATS, "nats://")}, "reactor", "dlq", "list")
	run(1, []string{"MILLRACE_NATS_URL=nats://reactor:pass-of-nats@127.0.0.1:1"}, "reactor", "dlq", "list")
	run(1, []string{"MILLRACE_NATS_URL=nats://reactor:pass-of-nats@[bad"}, "reactor", "dlq", "list")
	run(1, []string{"MILLRACE_NATS_URL=tls://reactor:pass-of-nats@" + strings.TrimPrefix(s.NATS, "nats://")}, "reactor", "dlq", "list")
	run(1, []string{"MILLRACE_CATALOG=postgres://user:pass-of-a-database@127.0.0.1:1/lake?connect_timeout=2"}, "reactor", "tables")
	run(1, []string{"MILLRACE_CATALOG=postgres://user:pass-of-a-database@[bad/lake"}, "reactor", "tables")
	run(1, []string{"MILLRACE_CATALOG=mysql://user:pass-of-a-database@127.0.0.1/lake"}, "reactor", "tables")
	run(1, []string{"MILLRACE_CATALOG=postgres://user:pass-of-a-database@127.0.0.1:1/lake?connect_timeout=2"}, "reactor", "run", "--http-addr", "127.0.0.1:0")
	run(1, []string{"MILLRACE_S3_ENDPOINT=http://reactor:wrong-secret-key@127.0.0.1:1"}, "reactor", "tables")
	run(2, nil, "reactor", "no-such-command")
	run(0, nil, "stack", "status")
	said["simulator"] = simulator.Stdout() + simulator.Stderr()
}

// objects notes the metadata of all objects, and the contents of small ones.
func objects(t *testing.T, s *harness.Stack, said said) {
	t.Helper()
	n := 0
	for o := range s.Client().ListObjects(t.Context(), s.Bucket(), s3.ListObjectsOptions{Recursive: true, WithVersions: true}) {
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		if o.IsDeleteMarker {
			continue
		}
		n++
		info, err := s.Client().StatObject(t.Context(), s.Bucket(), o.Key, s3.StatObjectOptions{VersionID: o.VersionID})
		if err != nil {
			t.Fatal(err)
		}
		said["metadata of "+o.Key+o.VersionID] = fmt.Sprint(info.Metadata, info.UserMetadata)
		if o.Size > 1<<20 {
			continue
		}
		body, err := s.Client().GetObject(t.Context(), s.Bucket(), o.Key, s3.GetObjectOptions{VersionID: o.VersionID})
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		said["object "+o.Key+o.VersionID] = string(text)
	}
	if n < 10 {
		t.Errorf("only %d objects", n)
	}
}

// messages notes the messages of all streams, with their headers.
func messages(t *testing.T, s *harness.Stack, said said) {
	t.Helper()
	js, err := jetstream.New(s.Connect(t, "owner"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"RAW", "EV", "DLQ"} {
		stream, err := js.Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		for sequence := stream.CachedInfo().State.FirstSeq; sequence <= stream.CachedInfo().State.LastSeq; sequence++ {
			m, err := stream.GetMsg(t.Context(), sequence)
			if err != nil {
				continue // dropped
			}
			_, _ = fmt.Fprintln(&text, m.Subject, m.Header, string(m.Data))
		}
		if text.Len() == 0 {
			t.Errorf("stream %s is empty", name)
		}
		said["stream "+name] = text.String()
	}
}

// files notes all files in the home folder. It leaves out those that hold credentials on purpose, which only their owner may read, and
// the stores of MinIO and NATS, whose contents objects and messages have noted.
func files(t *testing.T, s *harness.Stack, said said) {
	t.Helper()
	err := filepath.WalkDir(s.Home, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(s.Home, path)
		switch {
		case d.IsDir() && (name == "minio" || name == "nats"):
			return filepath.SkipDir
		case d.IsDir():
			return nil
		case name == "credentials.json" || filepath.Dir(name) == "env":
			info, err := d.Info()
			if err == nil && info.Mode().Perm() != 0o600 {
				t.Errorf("%s may be read by others: %v", name, info.Mode())
			}
			return err
		}
		text, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			return nil
		}
		said["file "+name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, log := range []string{"file log/reactor.log", "file log/nats.log", "file catalog.db"} {
		if said[log] == "" {
			t.Errorf("there is no %s", log)
		}
	}
}
