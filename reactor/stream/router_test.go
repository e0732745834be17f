package stream_test

import (
	"context"
	"errors"
	"log/slog"
	"path"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	natsclient "github.com/nats-io/nats.go"

	"millrace/infra/nats"
	"millrace/infra/streams"
	"millrace/reactor/event"
	"millrace/reactor/stream"
)

// A JetStream that stops and starts again within its server never answers a publish in progress, and the connection stays. In this test
// a subscriber that listens and does not answer plays that.
func TestAnEventWhoseAnswerIsLostIsRoutedAgain(t *testing.T) {
	js, nc := brokerAs(t, nats.UserOwner) // may publish anything
	const silent, subject = "silent", "lake.ev.bronze.coincap.assets"
	if _, err := nc.Subscribe(silent, func(*natsclient.Msg) {}); err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int64
	run(t, &stream.Router{JS: js, Log: slog.New(slog.DiscardHandler), Bucket: "lakehouse", Subject: func(event.Object) string {
		if asked.Add(1) == 1 {
			return silent
		}
		return subject
	}})
	put := `{"Records":[{"eventName":"s3:ObjectCreated:Put","s3":{"bucket":{"name":"lakehouse"},"object":{
		"key":"bronze/coincap/assets/ingest_date=2026-01-01/1.json","size":1,"eTag":"e","versionId":"v","sequencer":"18BDDFD4CC00A53C"}}}]}`
	if _, err := js.Publish(t.Context(), streams.RawFast, []byte(put)); err != nil {
		t.Fatal(err)
	}
	events, err := js.Stream(t.Context(), streams.Events)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the event is in the stream", func() bool {
		info, err := events.Info(t.Context())
		return err == nil && info.State.Msgs == 1
	})
}

// Without a rule a marker of another engine would become a dead letter, and no listing would explain it.
func TestAMarkerGetsNoEvent(t *testing.T) {
	js, _ := brokerAs(t, nats.UserOwner)
	var ignored atomic.Int64
	run(t, &stream.Router{
		JS: js, Log: slog.New(slog.DiscardHandler), Bucket: "lakehouse",
		Subject: func(event.Object) string { return "lake.ev.bronze.coincap.assets" }, Ignored: func(event.Object) { ignored.Add(1) },
	})
	for _, name := range []string{"_SUCCESS", "sub/", ".part-0.crc", "_committed_1", "1.json"} {
		put := `{"Records":[{"eventName":"s3:ObjectCreated:Put","s3":{"bucket":{"name":"lakehouse"},"object":{
			"key":"bronze/coincap/assets/ingest_date=2026-01-01/` + name + `","size":1,"eTag":"e","versionId":"v","sequencer":"18BDDFD4CC00A53C"}}}]}`
		if _, err := js.Publish(t.Context(), streams.RawFast, []byte(put)); err != nil {
			t.Fatal(err)
		}
	}
	events, err := js.Stream(t.Context(), streams.Events)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the object has an event, and it alone", func() bool {
		info, err := events.Info(t.Context())
		return err == nil && info.State.Msgs == 1 && ignored.Load() == 4
	})
}

// By AWS's rule the store is asked for what a message leaves open: one event for a version, whatever forms told of it and however often, with
// what the listing says. An event of a version that is gone keeps the time of its message, and a store that does not answer is asked again.
func TestWhatAMessageLeavesOpenTheStoreIsAsked(t *testing.T) {
	js, _ := brokerAs(t, nats.UserOwner)
	stored := time.Date(2026, 1, 31, 12, 30, 14, 0, time.UTC)
	var asked atomic.Int64
	run(t, &stream.Router{
		JS: js, Log: slog.New(slog.DiscardHandler), Bucket: "lakehouse", Subject: func(event.Object) string { return "lake.ev.bronze.coincap.assets" }, Rule: event.AWS,
		Find: func(_ context.Context, o event.Object) (event.Object, bool, error) {
			if asked.Add(1) == 1 {
				return o, false, errors.New("connection refused")
			}
			o.ModifiedAt, o.ETag, o.Size = stored, "e", 3
			return o, strings.HasSuffix(o.Key, "1.json"), nil
		},
	})
	put := func(name string) string {
		return `{"eventName":"ObjectCreated:Put","eventTime":"2026-01-31T12:30:15.123Z","s3":{"bucket":{"name":"lakehouse"},"object":{
			"key":"bronze/coincap/assets/ingest_date%3D2026-01-01/` + name + `","size":1,"eTag":"e","versionId":"v","sequencer":"0A"}}}`
	}
	bridged := `{"source":"aws.s3","detail-type":"Object Created","time":"2026-01-31T12:30:15Z","detail":{"bucket":{"name":"lakehouse"},
		"object":{"key":"bronze/coincap/assets/ingest_date=2026-01-01/1.json","etag":"e","version-id":"v"}}}`
	for _, body := range []string{`{"Records":[` + put("1.json") + "," + put("1.json") + "," + put("gone.json") + "]}", bridged} {
		if _, err := js.Publish(t.Context(), "lake.raw.sqs", []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	events, err := js.Stream(t.Context(), streams.Events)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := js.Stream(t.Context(), streams.Raw)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "both messages are routed", func() bool {
		c, err := raw.Consumer(t.Context(), "router")
		if err != nil {
			return false
		}
		info, err := c.Info(t.Context())
		return err == nil && info.AckFloor.Stream == 2
	})
	want := map[string]time.Time{"1.json": stored, "gone.json": time.Date(2026, 1, 31, 12, 30, 15, 123e6, time.UTC)}
	info, err := events.Info(t.Context())
	if err != nil || info.State.Msgs != uint64(len(want)) {
		t.Fatalf("%d events, %v; want %d", info.State.Msgs, err, len(want))
	}
	for sequence := range info.State.Msgs {
		m, err := events.GetMsg(t.Context(), sequence+1)
		if err != nil {
			t.Fatal(err)
		}
		o, err := event.Unmarshal(m.Data)
		if name := path.Base(o.Key); err != nil || !o.ModifiedAt.Equal(want[name]) {
			t.Errorf("the event of %s is %+v, %v", name, o, err)
		}
	}
}
