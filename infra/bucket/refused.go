package bucket

import (
	"errors"

	"github.com/minio/minio-go/v7"
)

// Refused is a request that the credentials do not allow.
type Refused struct{ Err error }

func (e *Refused) Error() string { return e.Err.Error() }

func (e *Refused) Unwrap() error { return e.Err }

// Advice says whose credentials do. Package cli prints it after a failed command's error.
func (e *Refused) Advice() string {
	return "these credentials may not do that; the owner's may: eval \"$(.bin/stack env)\""
}

// Refusal makes an error a Refused if the store says that the credentials do not allow the request. It leaves other errors as they
// are.
func Refusal(err error) error {
	if err != nil && minio.ToErrorResponse(err).Code == minio.AccessDenied {
		return &Refused{err}
	}
	return err
}

// IsRefusal tells whether an error is a Refused.
func IsRefusal(err error) bool {
	var refused *Refused
	return errors.As(err, &refused)
}
