package stream

import (
	"testing"
	"testing/synctest"
	"time"

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

func TestABacklogIsWhatIsNotSettled(t *testing.T) {
	c := &Consumer{}
	if n := c.Waiting(); n != 0 {
		t.Errorf("%d events wait before the first has come", n)
	}
	h := newHeld()
	c.live.begin(h)
	var batch []message
	for behind := range 3 {
		m := pending{behind: uint64(900 - behind)}
		h.add(m)
		c.live.received(m, 1)
		batch = append(batch, message{Msg: m})
	}
	if n := c.Waiting(); n != 898+3 {
		t.Errorf("%d events wait, want those in the stream and the 3 that are delivered", n)
	}
	h.remove(batch[:2])
	if n := c.Waiting(); n != 898+1 {
		t.Errorf("%d events wait, want those in the stream and the one that is worked on", n)
	}
	c.live.begin(newHeld())
	c.live.received(pending{}, 1)
	if n := c.Waiting(); n != 0 {
		t.Errorf("%d events wait after another pull has begun", n)
	}
	(*backlog)(nil).begin(h) // consumers without a backlog
	(*backlog)(nil).received(pending{}, 1)
}

func TestOnlyLiveEventsComeInLargeBatches(t *testing.T) {
	for stream, want := range map[string]int{streams.Events: maxLiveBatch, streams.Again: maxBatch, streams.Raw: maxBatch} {
		c := consumer{stream: stream}
		waiting := make(chan message, 2*maxLiveBatch)
		for range cap(waiting) {
			waiting <- message{}
		}
		if got := len(c.gather(<-waiting, waiting)); got != want {
			t.Errorf("a batch of %s has %d events, want %d", stream, got, want)
		}
	}
}

// What comes close behind many belongs to their commit, but not for ever. Few events, and those of the router, wait for nothing.
func TestManyEventsWaitForThoseBehindThem(t *testing.T) {
	const behind = 100
	inTime := int(gatherWait / (gapWait / 2))
	for _, c := range []struct {
		stream      string
		there, want int
	}{
		{streams.Events, manyEvents, manyEvents + inTime}, {streams.Again, manyEvents, manyEvents + inTime},
		{streams.Events, manyEvents - 1, manyEvents - 1}, {streams.Raw, manyEvents, manyEvents},
	} {
		synctest.Test(t, func(t *testing.T) {
			waiting := make(chan message, manyEvents+behind)
			for range c.there {
				waiting <- message{}
			}
			go func() {
				for range behind {
					time.Sleep(gapWait / 2)
					waiting <- message{}
				}
			}()
			if got := len(consumer{stream: c.stream}.gather(<-waiting, waiting)); got < c.want-1 || got > c.want {
				t.Errorf("a batch of %s has %d events, want %d: %d were there and %d came one by one", c.stream, got, c.want, c.there, behind)
			}
			time.Sleep(behind * gapWait)
		})
	}
}
