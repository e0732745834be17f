package stream_test

import (
	"log/slog"
	"sync/atomic"
	"testing"

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
