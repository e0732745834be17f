package streams_test

import (
	"context"
	"slices"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/nats"
	"millrace/infra/streams"
	"millrace/tests/harness"
)

// updates counts the streams that are updated.
type updates struct {
	jetstream.JetStream
	of []string
}

func (u *updates) UpdateStream(ctx context.Context, cfg jetstream.StreamConfig) (jetstream.Stream, error) {
	u.of = append(u.of, cfg.Name)
	return u.JetStream.UpdateStream(ctx, cfg)
}

// A stream that is as it should be is not written again: each consumer ensures the streams when it starts, beside others that
// make consumers in them. One that somebody changed is brought back, once.
func TestStreamsThatAreAsTheyShouldBeAreLeftAlone(t *testing.T) {
	own := harness.JetStream(t, harness.Broker(t), nats.UserOwner)
	js := &updates{JetStream: own}
	ensure := func(want ...string) {
		t.Helper()
		js.of = nil
		if err := streams.Ensure(t.Context(), js); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(js.of, want) {
			t.Errorf("streams %q are updated, want %q", js.of, want)
		}
	}
	ensure() // makes them
	ensure()

	s, err := own.Stream(t.Context(), streams.Advisories)
	if err != nil {
		t.Fatal(err)
	}
	changed := s.CachedInfo().Config
	changed.MaxBytes = 1 << 20
	if _, err := own.UpdateStream(t.Context(), changed); err != nil {
		t.Fatal(err)
	}
	ensure(streams.Advisories)
	ensure()
}
