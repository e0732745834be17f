// Package stream carries events through NATS JetStream: it routes MinIO's messages into one deduplicated stream of events,
// delivers them in batches to the promoters and keeps the dead letters. It knows what an event is, not what a promoter does
// with it. infra/streams defines the streams themselves.
package stream

import (
	"strings"

	"millrace/infra/streams"
)

// Headers of an event.
const (
	HeaderRun = "Lake-Run" // the replay that published it; absent on live events
	HeaderID  = "Lake-Event-Id"
)

// AgainSubject returns the subject on which an event is published again. It has its own stream and consumers. In a shared stream a live
// event would wait behind a million events of a replay, even on its way into the stream, because each is flushed to disk.
func AgainSubject(subject string) string {
	return streams.AgainPrefix + strings.TrimPrefix(subject, streams.LivePrefix)
}
