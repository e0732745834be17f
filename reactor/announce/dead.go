package announce

import (
	"context"
	"errors"
	"iter"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"millrace/reactor/event"
	"millrace/reactor/lake"
	"millrace/reactor/reconcile"
	"millrace/reactor/stream"
)

// DeadObjects yields the bronze objects of a selection that have a dead letter, each once.
func DeadObjects(ctx context.Context, js jetstream.JetStream, selection reconcile.Selection) iter.Seq2[event.Object, error] {
	return func(yield func(event.Object, error) bool) {
		letters, err := stream.DeadLettersOf(ctx, js, "")
		if err != nil {
			yield(event.Object{}, err)
			return
		}
		seen := map[event.ID]bool{}
		for _, l := range letters {
			o, err := event.Unmarshal(l.Body)
			if err != nil || seen[o.ID()] || !strings.HasPrefix(o.Key, "bronze/") || !selection.Holds(o) {
				continue
			}
			seen[o.ID()] = true
			if !yield(o, nil) {
				return
			}
		}
	}
}

// ClearLetters drops the dead letters that are obsolete.
func ClearLetters(ctx context.Context, l *lake.Lake, js jetstream.JetStream) error {
	letters, err := stream.DeadLettersOf(ctx, js, "")
	if err != nil {
		return err
	}
	answered := Answered(l)
	for _, d := range letters {
		o, err := event.Unmarshal(d.Body)
		if err != nil {
			continue
		}
		ok, err := answered(ctx, o)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if err := stream.Drop(ctx, js, d.Sequence); err != nil && !errors.Is(err, stream.ErrNoDeadLetter) {
			return err
		}
	}
	return nil
}
