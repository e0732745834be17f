package stream

import (
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/streams"
)

// pending is a message with some behind it in the stream.
type pending struct {
	jetstream.Msg
	behind uint64
}

func (p pending) Metadata() (*jetstream.MsgMetadata, error) {
	return &jetstream.MsgMetadata{NumPending: p.behind}, nil
}

func TestABacklogIsWhatNoBatchHas(t *testing.T) {
	c := &Consumer{}
	if n := c.Waiting(); n != 0 {
		t.Errorf("%d events wait before the first has come", n)
	}
	out := make(chan message, 3)
	for behind := range 3 {
		c.live.received(pending{behind: uint64(900 - behind)}, out)
		out <- message{}
	}
	if n := c.Waiting(); n != 898+3 {
		t.Errorf("%d events wait, want those in the stream and the 3 that are delivered", n)
	}
	c.live.received(pending{}, out)
	gather(<-out, out, maxBatch)
	if n := c.Waiting(); n != 0 {
		t.Errorf("%d events wait when a batch has all", n)
	}
	(*backlog)(nil).received(pending{}, out) // consumers without a backlog
}

func TestOnlyLiveEventsComeInLargeBatches(t *testing.T) {
	for stream, want := range map[string]int{streams.Events: maxLiveBatch, streams.Again: maxBatch, streams.Raw: maxBatch} {
		c := consumer{stream: stream}
		waiting := make(chan message, 2*maxLiveBatch)
		for range cap(waiting) {
			waiting <- message{}
		}
		if got := len(gather(<-waiting, waiting, c.most())); got != want {
			t.Errorf("a batch of %s has %d events, want %d", stream, got, want)
		}
	}
}
