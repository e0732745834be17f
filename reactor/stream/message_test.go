package stream

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/streams"
	"millrace/reactor/event"
)

// counted counts the reads of a message's body.
type counted struct {
	jetstream.Msg
	body  []byte
	asked *int
}

func (c counted) Data() []byte         { *c.asked++; return c.body }
func (c counted) Headers() nats.Header { return nats.Header{} }
func (c counted) Metadata() (*jetstream.MsgMetadata, error) {
	return &jetstream.MsgMetadata{NumDelivered: 3}, nil
}

// The bounds of a batch, the work and a dead letter all need the event. Each event must be read only once.
func TestAMessageIsReadOnce(t *testing.T) {
	o := event.Object{Bucket: "b", Key: "bronze/coincap/assets/x.json", Version: "v", ModifiedAt: time.UnixMilli(1795953600000).UTC(), ETag: "e", Size: 7}
	asked := 0
	waiting := make(chan message, 1)
	waiting <- newMessage(counted{body: o.Marshal(), asked: &asked}, true)
	batch := consumer{stream: streams.Events}.gather(newMessage(counted{body: []byte("no event"), asked: new(int)}, true), waiting)
	if len(batch) != 2 || batch[0].err == nil || batch[0].bytes != 8 {
		t.Fatalf("the batch is %+v", batch)
	}
	m := batch[1]
	d := m.delivery()
	(&Consumer{Name: "c"}).earlier(m)
	if asked != 1 || d.Object != o || d.Attempt != 3 || m.bytes != o.Size {
		t.Errorf("the body was read %d times; delivery %+v, %d bytes", asked, d, m.bytes)
	}
	if raw := newMessage(counted{body: []byte("MinIO's"), asked: new(int)}, false); raw.err != nil || raw.bytes != 7 {
		t.Errorf("a message of RAW is %+v", raw)
	}
}
