// Package stream carries events through NATS JetStream: it defines the streams, routes MinIO's messages into one
// deduplicated stream of events, delivers them in batches to the promoters and keeps the dead letters. It knows what
// an event is, not what a promoter does with it.
package stream

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Streams and subjects. MinIO's two targets publish to RawFast and RawSafe; RawReplay is for people who publish one
// of MinIO's own messages again by hand.
const (
	Raw         = "RAW"
	Events      = "EV"
	Again       = "AGAIN"
	DeadLetters = "DLQ"
	Advisories  = "ADVISORY"

	RawFast   = "lake.raw.fast"
	RawSafe   = "lake.raw.safe"
	RawReplay = "lake.raw.replay"

	deadPrefix  = "lake.dlq."
	livePrefix  = "lake.ev."
	againPrefix = "lake.again."
)

// Headers of an event.
const (
	HeaderRun = "Lake-Run" // the replay that published it; absent on live events
	HeaderID  = "Lake-Event-Id"
)

// AgainSubject is where an event is published again. It has a stream and consumers of its own: a live event would wait behind a
// million of a replay, and even its way into the stream leads behind them, one flush to disk after another.
func AgainSubject(subject string) string {
	return againPrefix + strings.TrimPrefix(subject, livePrefix)
}

// dedupeWindow is how long the second copy of an event is recognised by its message id. SAFE is up to 3 s behind
// FAST, longer after an outage of NATS; a copy that comes later still is promoted again, which changes nothing.
const dedupeWindow = 10 * time.Minute

// Ensure makes the streams, or brings their settings up to date. It must run before MinIO starts: a message published
// to a subject without a stream is lost after 500 ms of waiting.
func Ensure(ctx context.Context, js jetstream.JetStream) error {
	for _, cfg := range []jetstream.StreamConfig{
		{
			Name: Raw, Subjects: []string{"lake.raw.>"}, Description: "MinIO's notifications as they came",
			MaxAge: 3 * 24 * time.Hour, MaxBytes: 1 << 30, Duplicates: dedupeWindow,
		},
		{
			Name: Events, Subjects: []string{livePrefix + ">"}, Description: "One event for each object version",
			MaxAge: 7 * 24 * time.Hour, MaxBytes: 1 << 30, Duplicates: dedupeWindow,
		},
		{
			Name: Again, Subjects: []string{againPrefix + ">"}, Description: "Events published again: replays, dead letters that are retried",
			MaxAge: 7 * 24 * time.Hour, MaxBytes: 1 << 30, Duplicates: dedupeWindow,
		},
		{
			Name: DeadLetters, Subjects: []string{deadPrefix + ">"}, Description: "Events that no retry can mend, until retried or dropped",
			MaxBytes: 1 << 30, Duplicates: dedupeWindow,
		},
		{
			Name: Advisories, Subjects: advisorySubjects, Description: "What the server will not deliver any more",
			MaxAge: 7 * 24 * time.Hour, MaxBytes: 64 << 20,
		},
	} {
		cfg.Storage, cfg.Retention, cfg.Discard = jetstream.FileStorage, jetstream.LimitsPolicy, jetstream.DiscardOld
		cfg.AllowDirect = true
		if _, err := js.CreateOrUpdateStream(ctx, cfg); err != nil {
			return fmt.Errorf("make stream %s: %w", cfg.Name, err)
		}
	}
	return nil
}
