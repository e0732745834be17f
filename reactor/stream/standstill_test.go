package stream

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"millrace/infra/nats"
	"millrace/infra/streams"
	"millrace/reactor/event"
)

// A handler that never returns fails nothing: the broker is told all the while that the reactor works.
func TestABatchThatDoesNotEndIsNamed(t *testing.T) {
	s, at := NewStuck(), time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
	batch := []event.Delivery{{Object: event.Object{Key: "bronze/coincap/assets/x.json", Version: "v"}}, {}}
	ended := s.Begun("gold", batch, at)
	other := s.Begun("silver-asset_prices", batch, at.Add(9*time.Minute))
	if err := s.at(at.Add(9 * time.Minute)); err != nil {
		t.Errorf("it may take that long: %v", err)
	}
	err := s.at(at.Add(11 * time.Minute))
	for _, want := range []string{"consumer gold has worked on 2 events since 2026-11-29T00:00:00Z", "bronze/coincap/assets/x.json version v", "start the reactor again"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	if err != nil && strings.Contains(err.Error(), "silver") {
		t.Errorf("the other consumer has just begun: %v", err)
	}
	ended()
	if err := s.at(at.Add(12 * time.Minute)); err != nil {
		t.Errorf("it has ended: %v", err)
	}
	other()
	var none *Stuck
	none.Begun("gold", batch, at)()
	none.Stopped("gold", errors.New("x"), at)
	none.Pulls("gold")
}

func TestAConsumerThatCannotPullIsNamed(t *testing.T) {
	s, at := NewStuck(), time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
	s.Stopped("EV gold", errors.New("no responders"), at)
	if err := s.at(at.Add(30 * time.Second)); err != nil {
		t.Errorf("it is tried again: %v", err)
	}
	s.Stopped("EV gold", errors.New("maximum consumers limit reached"), at.Add(50*time.Second))
	if err := s.at(at.Add(70 * time.Second)); err == nil || !strings.Contains(err.Error(), "EV gold has had no events since 2026-11-29T00:00:00Z: maximum consumers") {
		t.Errorf("it says %v", err)
	}
	s.Pulls("EV gold")
	if err := s.at(at.Add(80 * time.Second)); err != nil {
		t.Errorf("it pulls: %v", err)
	}
}

// A consumer tells of the batch that it works on, and whether it can pull.
func TestAConsumerTellsWhetherItWorks(t *testing.T) {
	server, err := nats.Start(nats.Config{Dir: t.TempDir(), Users: nats.Passwords{nats.UserMinIO: "m", nats.UserReactor: "r", nats.UserOwner: "o"}, Log: &bytes.Buffer{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	nc, err := server.Connect(nats.UserReactor)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := Client(nc, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := streams.Ensure(t.Context(), js); err != nil {
		t.Fatal(err)
	}
	s := NewStuck()
	working, release := make(chan struct{}), make(chan struct{})
	c := &Consumer{JS: js, Name: "silver-x", Subjects: []string{"lake.ev.bronze.x.y"}, Log: slog.New(slog.DiscardHandler), Stuck: s, Handle: func(_ context.Context, batch []event.Delivery) []error {
		close(working)
		<-release
		return make([]error, len(batch))
	}}
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	s.Stopped("EV silver-x", errors.New("was away"), time.Now())
	go func() { ran <- c.Run(ctx) }()
	o := event.Object{Bucket: "b", Key: "bronze/x/y/z.json", Version: "v", ModifiedAt: time.UnixMilli(1795953600000).UTC(), ETag: "e"}
	if _, err := js.PublishMsg(t.Context(), Message(o, "lake.ev.bronze.x.y", "")); err != nil {
		t.Fatal(err)
	}
	<-working
	if err := s.at(time.Now().Add(slowAfter)); err == nil || !strings.Contains(err.Error(), "consumer silver-x has worked on 1 events") || strings.Contains(err.Error(), "was away") {
		t.Errorf("while it works: %v", err)
	}
	close(release)
	for s.at(time.Now().Add(slowAfter)) != nil {
		if t.Context().Err() != nil {
			t.Fatal(t.Context().Err())
		}
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-ran; err != nil {
		t.Error(err)
	}
}
