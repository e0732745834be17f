package minio

import (
	"context"
	"fmt"
	"strings"

	"github.com/minio/madmin-go/v3"
	s3 "github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"golang.org/x/sync/errgroup"

	"millrace/infra/settings"
)

// EnsureUsers gives each of Users its secret key and its policy, and no other.
func (s *Server) EnsureUsers(ctx context.Context, bucket string, secrets map[string]settings.Secret) error {
	admin, err := s.Admin()
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, user := range Users {
		group.Go(func() error { return s.ensureUser(ctx, admin, bucket, user, secrets[user]) })
	}
	return group.Wait()
}

func (s *Server) ensureUser(ctx context.Context, admin *madmin.AdminClient, bucket, user string, secret settings.Secret) error {
	text, err := Policy(user, bucket)
	if err != nil {
		return err
	}
	if err := admin.AddCannedPolicy(ctx, user, text); err != nil {
		return fmt.Errorf("set the policy of the S3 user %s: %w", user, err)
	}
	known, err := s.signsIn(ctx, bucket, user, secret)
	if err != nil {
		return err
	}
	if !known {
		if err := admin.AddUser(ctx, user, secret.Reveal()); err != nil {
			return fmt.Errorf("make the S3 user %s: %w", user, err)
		}
	}
	return onlyPolicy(ctx, admin, user)
}

// onlyPolicy attaches the policy named like the user, and takes away what somebody may have attached by hand.
func onlyPolicy(ctx context.Context, admin *madmin.AdminClient, user string) error {
	info, err := admin.GetUserInfo(ctx, user)
	if err != nil {
		return fmt.Errorf("read the policies of the S3 user %s: %w", user, err)
	}
	missing := true
	var others []string
	for name := range strings.SplitSeq(info.PolicyName, ",") {
		switch name {
		case "":
		case user:
			missing = false
		default:
			others = append(others, name)
		}
	}
	if missing {
		if _, err := admin.AttachPolicy(ctx, madmin.PolicyAssociationReq{Policies: []string{user}, User: user}); err != nil {
			return fmt.Errorf("give the S3 user %s its policy: %w", user, err)
		}
	}
	if len(others) > 0 {
		if _, err := admin.DetachPolicy(ctx, madmin.PolicyAssociationReq{Policies: others, User: user}); err != nil {
			return fmt.Errorf("take other policies than its own from the S3 user %s: %w", user, err)
		}
	}
	return nil
}

// signsIn tells whether user exists with this secret. Asking is ten times cheaper than setting it anew, which derives a
// key from the root password on both sides.
func (s *Server) signsIn(ctx context.Context, bucket, user string, secret settings.Secret) (bool, error) {
	client, err := s3.New(s.address(), &s3.Options{
		Creds: credentials.NewStaticV4(user, secret.Reveal(), ""), Region: "us-east-1", Transport: noProxy(),
	})
	if err != nil {
		return false, fmt.Errorf("set up a client for the S3 user %s: %w", user, err)
	}
	_, err = client.GetBucketVersioning(ctx, bucket)
	if err == nil {
		return true, nil
	}
	switch code := s3.ToErrorResponse(err).Code; code {
	case "AccessDenied": // a user of ours that may not ask this
		return true, nil
	case "InvalidAccessKeyId", "SignatureDoesNotMatch":
		return false, nil
	default:
		return false, fmt.Errorf("sign in as the S3 user %s: %w", user, err)
	}
}
