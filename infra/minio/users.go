package minio

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"millrace/infra/settings"
)

// EnsureUsers gives each of Users its secret key and its policy, and takes any other policy from it.
//
// It is one import of MinIO's export format. The calls for one user each encrypt their body with a key derived from the
// root password, on both sides: eight of them took 2 s, the import takes 20 ms. It goes over loopback.
func (s *Server) EnsureUsers(ctx context.Context, bucket string, secrets map[string]settings.Secret) error {
	return importUsers(ctx, s.Admin(), bucket, secrets)
}

func importUsers(ctx context.Context, admin *Admin, bucket string, secrets map[string]settings.Secret) error {
	archive, err := userArchive(bucket, secrets)
	if err != nil {
		return fmt.Errorf("write down the S3 users: %w", err)
	}
	// A MinIO that has just started, on a busy machine, may know a user a moment later than it says, and then refuses to give
	// it a policy. The import is the same however often it is done.
	for attempt := 1; ; attempt++ {
		err := importArchive(ctx, admin, archive)
		if err == nil || attempt == 10 {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func importArchive(ctx context.Context, admin *Admin, archive []byte) error {
	answer, err := admin.Call(ctx, http.MethodPut, "import-iam-v2", nil, archive)
	if err != nil {
		return fmt.Errorf("make the S3 users and policies: %w", err)
	}
	if err := imported(answer); err != nil {
		return fmt.Errorf("make the S3 users and policies: %w", err)
	}
	return nil
}

// imported reads MinIO's answer to an import. It lists what it did, and under failed, by kind, what it refused and by what name.
// The import as a whole succeeds nevertheless. Why something was refused does not come through: the error in it is always {}.
func imported(answer []byte) error {
	var result struct {
		Failed map[string][]struct{ Name string }
	}
	if err := json.Unmarshal(answer, &result); err != nil {
		return fmt.Errorf("read MinIO's answer %.200q: %w", answer, err)
	}
	var refused []string
	for kind, entries := range result.Failed {
		for _, entry := range entries {
			refused = append(refused, kind+" "+entry.Name)
		}
	}
	if len(refused) > 0 {
		slices.Sort(refused)
		return fmt.Errorf("MinIO refused %s", strings.Join(refused, ", "))
	}
	return nil
}

// userArchive makes a zip of the files that MinIO's own export has: policies, users with their keys, and which policy a user has.
func userArchive(bucket string, secrets map[string]settings.Secret) ([]byte, error) {
	type account struct {
		SecretKey string `json:"secretKey"`
		Status    string `json:"status"`
	}
	type mapping struct {
		Version int    `json:"version"`
		Policy  string `json:"policy"`
	}
	policies := map[string]json.RawMessage{}
	users := map[string]account{}
	mappings := map[string]mapping{}
	for _, user := range Users {
		text, err := Policy(user, bucket)
		if err != nil {
			return nil, err
		}
		if secrets[user] == "" {
			return nil, fmt.Errorf("the user %s has no secret key", user)
		}
		policies[user] = text
		users[user] = account{SecretKey: secrets[user].Reveal(), Status: "enabled"}
		mappings[user] = mapping{Version: 1, Policy: user}
	}
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	for name, content := range map[string]any{"policies": policies, "users": users, "user_mappings": mappings} {
		file, err := z.Create("iam-assets/" + name + ".json")
		if err != nil {
			return nil, err
		}
		if err := json.NewEncoder(file).Encode(content); err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return archive.Bytes(), nil
}
