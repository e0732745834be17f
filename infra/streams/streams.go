// Package streams names the JetStream streams that carry the lake's events, their subjects and their limits, and makes
// them. Whoever starts a broker or publishes to one takes the names from here.
package streams

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Streams and subjects. MinIO's two targets publish to RawFast and RawSafe; RawReplay is for people who publish one
// of the store's own messages again by hand; RawQueue has what comes from a queue of SQS.
const (
	Raw         = "RAW"
	Events      = "EV"
	Again       = "AGAIN"
	DeadLetters = "DLQ"
	Advisories  = "ADVISORY"

	RawFast   = "lake.raw.fast"
	RawSafe   = "lake.raw.safe"
	RawReplay = "lake.raw.replay"
	RawQueue  = "lake.raw.sqs"

	// DeadPrefix, LivePrefix and AgainPrefix begin the subjects of dead letters, of events, and of events published again.
	DeadPrefix  = "lake.dlq."
	LivePrefix  = "lake.ev."
	AgainPrefix = "lake.again."
)

// advisorySubjects are where the server says that it will not deliver a message again. The reactor's consumers have no
// limit of deliveries and end none. Somebody who edits a consumer, or works on it with another client, can do both, and the
// event would be gone without a trace.
var advisorySubjects = []string{"$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>", "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.>"}

// dedupeWindow is how long the second copy of an event is recognised by its message id. SAFE is up to 3 s behind
// FAST, longer after an outage of NATS; a copy that comes later still is promoted again, which changes nothing.
const dedupeWindow = 10 * time.Minute

// Client is the JetStream of a broker that may be a cluster.
type Client struct {
	jetstream.JetStream
	// Replicas is how many servers keep each stream: 1, 3 or 5. 0 leaves the streams as they are, and makes new ones on one server.
	Replicas int
}

// Ensure makes the streams, or brings their settings up to date; a stream that is as it should be is left alone, which saves a
// write to disk at each start. It must run before MinIO starts: a message published to a subject without a stream is lost
// after 500 ms of waiting. If js is a Client, it says how many servers keep them.
func Ensure(ctx context.Context, js jetstream.JetStream) error {
	client, _ := js.(Client)
	for _, cfg := range configs() {
		if err := ensure(ctx, js, cfg, client.Replicas); err != nil {
			return fmt.Errorf("make stream %s: %w", cfg.Name, err)
		}
	}
	return nil
}

// ensure makes or updates one stream. Of 0 replicas it makes as many as there are: a setting that was left out must not take
// copies away from a stream that somebody gave them by hand.
func ensure(ctx context.Context, js jetstream.JetStream, cfg jetstream.StreamConfig, replicas int) error {
	s, err := js.Stream(ctx, cfg.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		cfg.Replicas = max(replicas, 1)
		_, err = js.CreateOrUpdateStream(ctx, cfg)
		return err
	}
	if err != nil {
		return err
	}
	have := s.CachedInfo().Config
	cfg.Replicas = replicas
	if replicas == 0 {
		cfg.Replicas = have.Replicas
	}
	have.Metadata = nil // the server's own notes
	if reflect.DeepEqual(have, cfg) {
		return nil
	}
	_, err = js.UpdateStream(ctx, cfg)
	return err
}

// configs are the settings of all streams but for their replicas. Whatever the server would fill in by itself is given here: a
// setting that it changes makes the stream look outdated at each start.
func configs() []jetstream.StreamConfig {
	all := []jetstream.StreamConfig{
		{
			Name: Raw, Subjects: []string{"lake.raw.>"}, Description: "MinIO's notifications as they came",
			MaxAge: 3 * 24 * time.Hour, MaxBytes: 1 << 30,
		},
		{
			Name: Events, Subjects: []string{LivePrefix + ">"}, Description: "One event for each object version",
			MaxAge: 7 * 24 * time.Hour, MaxBytes: 1 << 30,
		},
		{
			Name: Again, Subjects: []string{AgainPrefix + ">"}, Description: "Events published again: replays, dead letters that are retried",
			MaxAge: 7 * 24 * time.Hour, MaxBytes: 1 << 30,
		},
		{
			Name: DeadLetters, Subjects: []string{DeadPrefix + ">"}, Description: "Events that no retry can mend, until retried or dropped",
			MaxBytes: 1 << 30,
		},
		{
			Name: Advisories, Subjects: advisorySubjects, Description: "What the server will not deliver any more",
			MaxAge: 7 * 24 * time.Hour, MaxBytes: 64 << 20,
		},
	}
	for i := range all {
		all[i].Storage, all[i].Retention, all[i].Discard = jetstream.FileStorage, jetstream.LimitsPolicy, jetstream.DiscardOld
		all[i].AllowDirect, all[i].Duplicates = true, dedupeWindow
		all[i].MaxConsumers, all[i].MaxMsgs, all[i].MaxMsgsPerSubject, all[i].MaxMsgSize = -1, -1, -1, -1 // as the server writes "no limit"
	}
	return all
}
