package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrNotAlone says that a reactor is running.
var ErrNotAlone = errors.New("a reactor is running: stop it first (Ctrl-C, or `stack up --no-reactor`)")

const (
	// presence is the subject at which each running reactor answers. No stream keeps it.
	presence = "lake.reactor"
	// backWithin is longer than a reactor whose connection broke takes to connect again (350 ms at most, by settings.NATS).
	backWithin = time.Second
	// hangsAfter is the time without an answer after which a connected reactor is one that hangs: it may go on.
	hangsAfter = 5 * time.Second
)

// Present has the reactor answer whoever asks by Alone, until leave is called. The last commit must have ended then.
func Present(js jetstream.JetStream) (leave func(), err error) {
	sub, err := js.Conn().Subscribe(presence, func(m *nats.Msg) { _ = m.Respond(nil) })
	if err == nil {
		err = js.Conn().FlushTimeout(hangsAfter) // the server knows of it now
	}
	if err != nil {
		return nil, fmt.Errorf("tell NATS that a reactor runs: %w", err)
	}
	return func() { _ = sub.Unsubscribe() }, nil
}

// Alone returns ErrNotAlone if a reactor is running: one of those that are Present.
func Alone(ctx context.Context, js jetstream.JetStream) error {
	for began := time.Now(); ; {
		err := ask(ctx, js.Conn())
		switch asked := time.Since(began); {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil, errors.Is(err, context.DeadlineExceeded) && asked > hangsAfter:
			return ErrNotAlone
		case errors.Is(err, nats.ErrNoResponders) && asked > backWithin:
			return nil
		case !errors.Is(err, nats.ErrNoResponders) && !errors.Is(err, context.DeadlineExceeded):
			return fmt.Errorf("ask NATS whether a reactor runs: %w", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// ask returns nil if a reactor answers, nats.ErrNoResponders if none is connected, and context.DeadlineExceeded if one is that does not
// answer: it hangs, or the server has yet to notice that it is gone.
func ask(ctx context.Context, nc *nats.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	_, err := nc.RequestWithContext(ctx, presence, nil)
	return err
}
