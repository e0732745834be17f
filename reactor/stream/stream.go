// Package stream carries events through NATS JetStream: it routes MinIO's messages into one deduplicated stream of events,
// delivers them in batches to the promoters and keeps the dead letters. It knows what an event is, not what a promoter does
// with it. The streams themselves are those of infra/streams.
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

// AgainSubject is where an event is published again. It has a stream and consumers of its own: a live event would wait behind a
// million of a replay, and even its way into the stream leads behind them, one flush to disk after another.
func AgainSubject(subject string) string {
	return streams.AgainPrefix + strings.TrimPrefix(subject, streams.LivePrefix)
}
