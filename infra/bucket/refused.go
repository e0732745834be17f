package bucket

import (
	"errors"

	"github.com/minio/minio-go/v7"
)

// refusals are the store's codes for a request that its credentials do not allow, with what a person can do.
var refusals = map[string]string{
	minio.AccessDenied:      "these credentials may not do that; the owner's may: eval \"$(.bin/stack env)\"",
	"InvalidAccessKeyId":    "the store knows no user of this access key (MILLRACE_S3_ACCESS_KEY): eval \"$(.bin/stack env)\" sets that of the stack that runs",
	"SignatureDoesNotMatch": "the secret key (MILLRACE_S3_SECRET_KEY) is not that of the access key: eval \"$(.bin/stack env)\" sets both",
}

// Refused is a request that the store refuses to these credentials.
type Refused struct {
	Err  error
	code string
}

func (e *Refused) Error() string { return e.Err.Error() }

func (e *Refused) Unwrap() error { return e.Err }

// Advice says whose credentials do. Package cli prints it after a failed command's error.
func (e *Refused) Advice() string { return refusals[e.code] }

// Refusal makes an error a Refused if the store says that the credentials do not allow the request. It leaves other errors as they
// are.
func Refusal(err error) error {
	if err == nil || IsRefusal(err) {
		return err
	}
	if code := minio.ToErrorResponse(err).Code; refusals[code] != "" {
		return &Refused{err, code}
	}
	return err
}

// IsRefusal tells whether an error is a Refused.
func IsRefusal(err error) bool {
	var refused *Refused
	return errors.As(err, &refused)
}
