package health

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

func TestALateAnswerIsToldInPlainWords(t *testing.T) {
	err := Plain(fmt.Errorf("look for the bucket: %w", context.DeadlineExceeded))
	if err.Error() != "look for the bucket: no answer in time" || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if other := errors.New("refused"); Plain(other) != other || Plain(nil) != nil { //nolint:errorlint // the very same
		t.Error("another error is changed")
	}
}
