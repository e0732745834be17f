package coincap

import (
	"slices"
	"testing"

	"millrace/ingestor/source"
)

// What is one request's own fault lets the others go on; what all would share ends the run at once.
func TestAFailureSaysWhomItConcerns(t *testing.T) {
	single := []Kind{BadRequest, ServerError, Truncated, TooLarge, NotList, OtherDays}
	for kind := Unexpected; kind <= CreditsUsed; kind++ {
		failed, ok := source.AsFailure(&Error{Kind: kind})
		if !ok {
			t.Fatal("an Error is no Failure")
		}
		if failed.Single() != slices.Contains(single, kind) {
			t.Errorf("%q: a failure of a single call is %v", kind, failed.Single())
		}
		if failed.Final() && failed.Retryable() {
			t.Errorf("%q is both final and retryable", kind)
		}
	}
}
