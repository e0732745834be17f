package bucket_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"

	"millrace/infra/bucket"
)

// Each refusal says what to do, also through the errors that packages put around it; what is no refusal stays what it is.
func TestARefusalSaysWhoseCredentialsDo(t *testing.T) {
	for code, want := range map[string]string{"AccessDenied": "the owner's may", "InvalidAccessKeyId": "MILLRACE_S3_ACCESS_KEY", "SignatureDoesNotMatch": "MILLRACE_S3_SECRET_KEY"} {
		err := fmt.Errorf("put x: %w", bucket.Refusal(bucket.Refusal(minio.ErrorResponse{Code: code, Message: "no"})))
		var refused *bucket.Refused
		if !bucket.IsRefusal(err) || !errors.As(err, &refused) || !strings.Contains(refused.Advice(), want) || err.Error() != "put x: no" {
			t.Errorf("%s: %v, %+v", code, err, refused)
		}
	}
	for _, err := range []error{nil, errors.New("broken"), minio.ErrorResponse{Code: "NoSuchKey"}} {
		if got := bucket.Refusal(err); !errors.Is(got, err) || bucket.IsRefusal(got) {
			t.Errorf("%v became %v", err, got)
		}
	}
}
