package minio_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	s3 "github.com/minio/minio-go/v7"

	"millrace/infra/minio"
	"millrace/infra/settings"
	"millrace/tests/harness"
)

// refusedWith fails the test unless err is a refusal with that code.
func refusedWith(t *testing.T, what string, err error, code string) {
	t.Helper()
	if said, ok := errors.AsType[s3.ErrorResponse](err); !ok || said.Code != code {
		t.Errorf("%s: %v, want a refusal %s", what, err, code)
	}
}

func secretsOfAll(version string) map[string]settings.Secret {
	secrets := map[string]settings.Secret{}
	for _, user := range minio.Users {
		secrets[user] = settings.Secret("secret-" + version + "-of-" + user)
	}
	return secrets
}

func TestEnsureUsersSetsKeysAndPolicies(t *testing.T) {
	server, ctx := harness.Store(t, nil), t.Context()
	const bucket = "lakehouse"
	root, err := server.Client()
	if err != nil {
		t.Fatal(err)
	}
	if err := minio.EnsureBucket(ctx, root, bucket); err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"first", "second"} {
		secrets := secretsOfAll(version)
		if err := server.EnsureUsers(ctx, bucket, secrets); err != nil {
			t.Fatalf("the %s import: %v", version, err)
		}
		for _, user := range minio.Users {
			client, err := settings.S3{Endpoint: server.Endpoint(), AccessKey: user, SecretKey: secrets[user], Bucket: bucket}.Client()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := client.PutObject(ctx, bucket, "elsewhere/"+user, strings.NewReader("x"), 1, s3.PutObjectOptions{}); (err == nil) != (user == "owner") {
				t.Errorf("after the %s import, %s puts outside of all layers: %v", version, user, err)
			}
		}
	}
	old := minio.NewAdmin(server.Endpoint(), "analyst", secretsOfAll("first")["analyst"], nil)
	_, err = old.Call(ctx, http.MethodGet, "list-users", nil, nil)
	refusedWith(t, "the analyst's former key", err, "SignatureDoesNotMatch")
}

func TestEnsureUsersTakesOtherPolicies(t *testing.T) {
	server, ctx, secrets := harness.Store(t, nil), t.Context(), secretsOfAll("only")
	if err := server.EnsureUsers(ctx, "lakehouse", secrets); err != nil {
		t.Fatal(err)
	}
	analyst := minio.NewAdmin(server.Endpoint(), "analyst", secrets["analyst"], nil)
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
	server, ctx, secrets := harness.Store(t, nil), t.Context(), secretsOfAll("only")
	secrets["reporter"] = "short" // MinIO takes eight characters or more
	if err := server.EnsureUsers(ctx, "lakehouse", secrets); err == nil || !strings.Contains(err.Error(), "refused users reporter") {
		t.Errorf("a key that is too short: %v", err)
	}
	_, err := server.Admin().Call(ctx, http.MethodPut, "import-iam-v2", nil, []byte("no zip"))
	refusedWith(t, "an import that is no zip", err, "InvalidRequest")
	stranger := minio.NewAdmin(server.Endpoint(), "stranger", "of-no-account", nil)
	_, err = stranger.Call(ctx, http.MethodPut, "import-iam-v2", nil, []byte("no zip"))
	refusedWith(t, "an import by a stranger", err, "InvalidAccessKeyId")
	delete(secrets, "owner")
	if err := server.EnsureUsers(ctx, "lakehouse", secrets); err == nil || !strings.Contains(err.Error(), "owner has no secret key") {
		t.Errorf("a user without a key: %v", err)
	}
}
