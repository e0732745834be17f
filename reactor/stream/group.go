package stream

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"millrace/reactor/event"
)

// A rebuild and a replay publish events of objects that are there already, by the thousand. Most of what one costs is what a message
// costs, so such events share messages.

// headerEvents says how many events a message has, one on each line of its body. A message of one event has no such header.
const headerEvents = "Lake-Events"

// Messages makes a message of several objects' events, which have one subject, and of which all are of imported objects or none. The broker drops it as a copy only of a message of the
// same events.
func Messages(objects []event.Object, subject, run string) *nats.Msg {
	if len(objects) == 1 {
		return Message(objects[0], subject, run)
	}
	ids := sha256.New()
	var body bytes.Buffer
	for _, o := range objects {
		_, _ = ids.Write([]byte(o.ID())) // a hash never fails
		body.Write(o.Marshal())
		body.WriteByte('\n')
	}
	m := header(hex.EncodeToString(ids.Sum(nil)), subject, publishedIn(objects[0], run))
	m.Header.Set(headerEvents, strconv.Itoa(len(objects)))
	m.Data = body.Bytes()
	return m
}

// split returns a message's events as messages. The message is settled when all of them are.
func split(m jetstream.Msg) []jetstream.Msg {
	h := m.Headers()
	if h.Get(headerEvents) == "" {
		return []jetstream.Msg{m}
	}
	lines := bytes.Split(bytes.TrimSuffix(m.Data(), []byte("\n")), []byte("\n"))
	g, parts := &group{left: len(lines)}, make([]jetstream.Msg, len(lines))
	for i, line := range lines {
		parts[i] = &part{Msg: m, group: g, shared: h, body: line}
	}
	return parts
}

// part is an event of a message that has several. It looks like a message of its own.
type part struct {
	jetstream.Msg
	group  *group
	shared nats.Header // of the message
	body   []byte
}

func (p *part) Data() []byte { return p.body }

// Headers returns those that the event has in a message of its own.
func (p *part) Headers() nats.Header {
	h := maps.Clone(p.shared)
	h.Del(headerEvents)
	if o, err := event.Unmarshal(p.body); err == nil {
		id := string(o.ID())
		h.Set(nats.MsgIdHdr, id+strings.TrimPrefix(h.Get(nats.MsgIdHdr), h.Get(HeaderID))) // its run and its nonce are at the end
		h.Set(HeaderID, id)
	}
	return h
}

func (p *part) Ack() error { return p.group.settle(p.Msg, 0) }

func (p *part) NakWithDelay(d time.Duration) error { return p.group.settle(p.Msg, d) }

// group settles a message for its parts. If one has to come again, all do: those that are done change nothing then.
type group struct {
	mu    sync.Mutex
	left  int
	delay time.Duration // the longest
}

func (g *group) settle(m jetstream.Msg, delay time.Duration) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.left, g.delay = g.left-1, max(g.delay, delay)
	switch {
	case g.left > 0:
		return nil
	case g.delay > 0:
		return m.NakWithDelay(g.delay)
	}
	return m.Ack()
}
