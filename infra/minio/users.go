package minio

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/minio/madmin-go/v3"

	"millrace/infra/settings"
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

func importArchive(ctx context.Context, admin *madmin.AdminClient, archive []byte) error {
	result, err := admin.ImportIAMV2(ctx, io.NopCloser(bytes.NewReader(archive)))
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
