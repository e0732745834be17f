package main

import (
	"context"
	"log/slog"

	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/nats"
	"millrace/infra/streams"
)

// startNATS starts the broker and makes the streams: they must be there before MinIO publishes its first event.
func (s *stack) startNATS(ctx context.Context) (*nats.Server, error) {
	log, err := s.openLogFile("nats")
	if err != nil {
		return nil, err
	}
	s.onStop(func() { _ = log.Close() })
	broker, err := nats.Start(nats.Config{Dir: s.home.path("nats"), Port: s.options.NATSPort, Users: s.secrets.nats, Log: log})
	if err != nil {
		return nil, err
	}
	s.onStop(broker.Stop)
	s.at.NATS, s.natsURL = "nats://"+broker.Address(), broker.URL
	conn, err := broker.Connect(nats.UserReactor)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, err
	}
	if err := streams.Ensure(ctx, js); err != nil {
		return nil, err
	}
	slog.Debug("broker is ready", "address", broker.Address(), "after", s.elapsed())
	return broker, nil
}
