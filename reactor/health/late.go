package health

import (
	"context"
	"errors"
	"strings"
)

// late is an error of something that took too long, in plain words: `context deadline exceeded` tells people nothing.
type late struct{ error }

// Plain says of an error that ends in a deadline that no answer came in time. Others stay as they are.
func Plain(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return late{err}
	}
	return err
}

func (l late) Error() string {
	return strings.ReplaceAll(l.error.Error(), context.DeadlineExceeded.Error(), "no answer in time")
}

func (l late) Unwrap() error { return l.error }
