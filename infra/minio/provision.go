package minio

import (
	"context"
	"fmt"
	"slices"
	"time"

	s3 "github.com/minio/minio-go/v7"

	"millrace/infra/settings"
)

// refusals are the answers that no waiting mends.
var refusals = []string{"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"}

// Provision gives a MinIO that runs already, in a container for instance, what Start's callers give their child: bucket,
// users and rules. It waits until MinIO answers, as long as ctx allows. root signs in as the root user and names the
// bucket; the users' secrets travel as they are, so the network between must be a private one, or the endpoint https.
func Provision(ctx context.Context, root settings.S3, secrets map[string]settings.Secret) error {
	client, err := root.Client()
	if err != nil {
		return err
	}
	if err := awaitS3(ctx, client); err != nil {
		return fmt.Errorf("reach MinIO at %s: %w", root.Endpoint, err)
	}
	transport, err := root.Transport()
	if err != nil {
		return err
	}
	admin := NewAdmin(client.EndpointURL().String(), root.AccessKey, root.SecretKey, transport)
	if err := EnsureBucket(ctx, client, root.Bucket); err != nil {
		return err
	}
	if err := importUsers(ctx, admin, root.Bucket, secrets); err != nil {
		return err
	}
	return SetRules(ctx, client, root.Bucket)
}

// awaitS3 asks what MinIO holds back until its targets are loaded; see Start.
func awaitS3(ctx context.Context, client *s3.Client) error {
	for {
		_, err := client.ListBuckets(ctx)
		switch {
		case err == nil:
			return nil
		case slices.Contains(refusals, s3.ToErrorResponse(err).Code):
			return err
		case ctx.Err() != nil:
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}
