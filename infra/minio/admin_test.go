package minio

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	s3 "github.com/minio/minio-go/v7"

	"millrace/infra/settings"
)

// running starts a real MinIO of the test's own. Its events wait in the queue: no NATS is needed for them.
func running(t *testing.T) *Server {
	t.Helper()
	beside, err := filepath.Abs("../../.bin/minio")
	if err != nil {
		t.Fatal(err)
	}
	binary, build, err := Locate(os.Getenv("MILLRACE_MINIO"), beside)
	if err != nil {
		t.Fatal(err)
	}
	if build {
		t.Log("building MinIO, which takes some minutes")
		if err := Build(t.Context(), binary, func(int, int) {}); err != nil {
			t.Fatal(err)
		}
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := free.Addr().(*net.TCPAddr).Port
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	server, err := Start(t.Context(), Config{
		Binary: binary, Port: port,
		Dir: filepath.Join(dir, "store"), Queue: filepath.Join(dir, "queue"), Quarantine: filepath.Join(dir, "quarantine"),
		LogFile: filepath.Join(dir, "minio.log"), PIDFile: filepath.Join(dir, "minio.pid"),
		RootUser: Root, RootPassword: "a-password-of-root",
		NATSAddress: "127.0.0.1:1", NATSUser: "minio", NATSPassword: "nobody-listens",
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return server
}

// refusedWith fails the test unless err is a refusal with that code.
func refusedWith(t *testing.T, what string, err error, code string) {
	t.Helper()
	if said, ok := errors.AsType[s3.ErrorResponse](err); !ok || said.Code != code {
		t.Errorf("%s: %v, want a refusal %s", what, err, code)
	}
}

func secretsOfAll(version string) map[string]settings.Secret {
	secrets := map[string]settings.Secret{}
	for _, user := range Users {
		secrets[user] = settings.Secret("secret-" + version + "-of-" + user)
	}
	return secrets
}

func TestEnsureUsersSetsKeysAndPolicies(t *testing.T) {
	server, ctx := running(t), t.Context()
	const bucket = "lakehouse"
	root, err := server.Client()
	if err != nil {
		t.Fatal(err)
	}
	if err := EnsureBucket(ctx, root, bucket); err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"first", "second"} {
		secrets := secretsOfAll(version)
		if err := server.EnsureUsers(ctx, bucket, secrets); err != nil {
			t.Fatalf("the %s import: %v", version, err)
		}
		for _, user := range Users {
			client, err := settings.S3{Endpoint: server.Endpoint(), AccessKey: user, SecretKey: secrets[user], Bucket: bucket}.Client()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := client.PutObject(ctx, bucket, "elsewhere/"+user, strings.NewReader("x"), 1, s3.PutObjectOptions{}); (err == nil) != (user == "owner") {
				t.Errorf("after the %s import, %s puts outside of all layers: %v", version, user, err)
			}
		}
	}
	old := NewAdmin(server.Endpoint(), "analyst", secretsOfAll("first")["analyst"].Reveal(), noProxy())
	_, err = old.Call(ctx, http.MethodGet, "list-users", nil, nil)
	refusedWith(t, "the analyst's former key", err, "SignatureDoesNotMatch")
}

func TestEnsureUsersTakesOtherPolicies(t *testing.T) {
	server, ctx, secrets := running(t), t.Context(), secretsOfAll("only")
	if err := server.EnsureUsers(ctx, "lakehouse", secrets); err != nil {
		t.Fatal(err)
	}
	analyst := NewAdmin(server.Endpoint(), "analyst", secrets["analyst"].Reveal(), noProxy())
	listUsers := func() error {
		_, err := analyst.Call(ctx, http.MethodGet, "list-users", nil, nil)
		return err
	}
	refusedWith(t, "the analyst lists users", listUsers(), "AccessDenied")
	raise := url.Values{"policyName": {"consoleAdmin"}, "userOrGroup": {"analyst"}, "isGroup": {"false"}}
	if _, err := server.Admin().Call(ctx, http.MethodPut, "set-user-or-group-policy", raise, nil); err != nil {
		t.Fatal(err)
	}
	if err := listUsers(); err != nil {
		t.Fatalf("with the administrator's policy, the analyst lists users: %v", err)
	}
	if err := server.EnsureUsers(ctx, "lakehouse", secrets); err != nil {
		t.Fatal(err)
	}
	refusedWith(t, "the analyst lists users after the import", listUsers(), "AccessDenied")
}

func TestAnImportThatIsRefusedSaysWhat(t *testing.T) {
	server, ctx, secrets := running(t), t.Context(), secretsOfAll("only")
	secrets["reporter"] = "short" // MinIO takes eight characters or more
	archive, err := userArchive("lakehouse", secrets)
	if err != nil {
		t.Fatal(err)
	}
	if err := importArchive(ctx, server.Admin(), archive); err == nil || !strings.Contains(err.Error(), "refused users reporter") {
		t.Errorf("a key that is too short: %v", err)
	}
	refusedWith(t, "no zip", importArchive(ctx, server.Admin(), []byte("no zip")), "InvalidRequest")
	stranger := NewAdmin(server.Endpoint(), "stranger", "of-no-account", noProxy())
	refusedWith(t, "an import by a stranger", importArchive(ctx, stranger, archive), "InvalidAccessKeyId")
	delete(secrets, "owner")
	if err := server.EnsureUsers(ctx, "lakehouse", secrets); err == nil || !strings.Contains(err.Error(), "owner has no secret key") {
		t.Errorf("a user without a key: %v", err)
	}
}

func TestRefusalReadsWhatMinIOSays(t *testing.T) {
	tests := []struct{ name, answer, code, message string }{
		{"its own interface", `{"Code":"AccessDenied","Message":"Access Denied.","Resource":"/minio/admin/v3/x"}`, "AccessDenied", "Access Denied."},
		{"S3", `<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Reduce.</Message></Error>`, "SlowDown", "Reduce."},
		{"nothing", "", "Forbidden", `the answer is ""`},
		{"something else", "<html>", "Forbidden", `the answer is "<html>"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			said := refusal(http.StatusForbidden, []byte(tt.answer))
			if said.Code != tt.code || said.Message != tt.message || said.StatusCode != http.StatusForbidden {
				t.Errorf("read as %+v", said)
			}
		})
	}
}
