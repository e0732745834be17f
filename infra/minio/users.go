package minio

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/minio/madmin-go/v3"

	"millrace/infra/settings"
	"time"
)

// EnsureUsers gives each of Users its secret key and its policy, and takes any other policy from it.
//
// It is one import of MinIO's export format. The calls for one user each encrypt their body with a key derived from the
// root password, on both sides: eight of them took 2 s, the import takes 20 ms. It goes over loopback.
func (s *Server) EnsureUsers(ctx context.Context, bucket string, secrets map[string]settings.Secret) error {
	admin, err := s.Admin()
	if err != nil {
		return err
	}
	return importUsers(ctx, admin, bucket, secrets)
}

func importUsers(ctx context.Context, admin *madmin.AdminClient, bucket string, secrets map[string]settings.Secret) error {
	archive, err := userArchive(bucket, secrets)
	if err != nil {
		return fmt.Errorf("write down the S3 users: %w", err)
	}
	// On a loaded machine a MinIO that has just started refused an assignment, once in a hundred starts, and its client cannot
	// even read the refusal. To import twice is to import once.
	const attempts = 3
	var result madmin.ImportIAMResult
	for attempt := 1; ; attempt++ {
		result, err = admin.ImportIAMV2(ctx, io.NopCloser(bytes.NewReader(archive)))
		if err == nil || attempt == attempts || ctx.Err() != nil {
			break
		}
		time.Sleep(200 * time.Millisecond)
	}
	if err != nil {
		return fmt.Errorf("make the S3 users and policies: %w", err)
	}
	if failed := result.Failed; len(failed.Users)+len(failed.Policies)+len(failed.UserPolicies) > 0 {
		return fmt.Errorf("make the S3 users and policies: MinIO refused users %v, policies %v, their assignment %v",
			failed.Users, failed.Policies, failed.UserPolicies)
	}
	return nil
}

// userArchive is a zip of the files that MinIO's export of users and policies has.
func userArchive(bucket string, secrets map[string]settings.Secret) ([]byte, error) {
	type mapping struct {
		Version int    `json:"version"`
		Policy  string `json:"policy"`
	}
	policies := map[string]json.RawMessage{}
	users := map[string]madmin.AddOrUpdateUserReq{}
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
		users[user] = madmin.AddOrUpdateUserReq{SecretKey: secrets[user].Reveal(), Status: madmin.AccountEnabled}
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
