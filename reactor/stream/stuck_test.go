package stream

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"millrace/reactor/event"
)

func TestAnEventThatFailsAgainAndAgainIsNamed(t *testing.T) {
	s, at := NewStuck(), time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
	o := event.Object{Bucket: "b", Key: "bronze/coincap/assets/x.json", Version: "v", ModifiedAt: at}
	quick := event.Object{Bucket: "b", Key: "bronze/coincap/assets/y.json", Version: "v", ModifiedAt: at}
	s.Failed("silver-asset_snapshots", o, 1, errors.New("first"), at)
	s.Failed("silver-asset_snapshots", quick, 1, errors.New("once"), at)
	if err := s.at(at.Add(10 * time.Second)); err != nil {
		t.Errorf("one failure is no standstill: %v", err)
	}
	s.Settled("silver-asset_snapshots", quick)
	s.Failed("silver-asset_snapshots", o, 12, errors.New("column note not found"), at.Add(70*time.Second))
	err := s.at(at.Add(71 * time.Second))
	for _, want := range []string{"1 events", "2026-11-29T00:00:00Z", "silver-asset_snapshots", o.Key, "12 tries", "column note not found"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	s.Settled("gold", o)
	if s.at(at.Add(72*time.Second)) == nil {
		t.Error("another consumer's event of the same object ends it")
	}
	s.Settled("silver-asset_snapshots", o)
	if err := s.at(at.Add(73 * time.Second)); err != nil {
		t.Errorf("it is done: %v", err)
	}
	s.Failed("gold", o, 1, errors.New("x"), at)
	s.Failed("gold", o, 9, errors.New("x"), at.Add(2*time.Minute))
	if err := s.at(at.Add(10 * time.Minute)); err != nil {
		t.Errorf("nobody tries it any more: %v", err)
	}
}

// A consumer reports each try and the end.
func TestAConsumerTellsWhatFails(t *testing.T) {
	o := event.Object{Bucket: "b", Key: "bronze/coincap/assets/x.json", Version: "v", ModifiedAt: time.UnixMilli(1795953600000).UTC(), ETag: "e"}
	c := &Consumer{Name: "c", Log: slog.New(slog.DiscardHandler), Stuck: NewStuck()}
	m := newMessage(settling{counted{body: o.Marshal(), asked: new(int)}}, true)
	c.settle(t.Context(), m, errors.New("the store is away"))
	if f := c.Stuck.events[stuckKey{"c", o.ID()}]; f.attempts != 3 || f.err == nil {
		t.Errorf("of the failure is known: %+v", f)
	}
	c.settle(t.Context(), m, nil)
	if len(c.Stuck.events) != 0 {
		t.Errorf("it is done, and %v is left", c.Stuck.events)
	}
}

// settling records how a consumer settles a message.
type settling struct{ counted }

func (settling) Ack() error                       { return nil }
func (settling) NakWithDelay(time.Duration) error { return nil }
