package stream

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"millrace/reactor/event"
)

// Headers of a dead letter; its body is the event, or MinIO's message, unchanged.
const (
	headerReason   = "Lake-Reason"
	headerAttempts = "Lake-Attempts"
	headerSubject  = "Lake-Subject"
)

// DeadLetter is an event that no retry can mend.
type DeadLetter struct {
	Sequence uint64    // its number in the stream, by which it is shown, retried and dropped
	Consumer string    // who gave it up
	Subject  string    // where the event was published
	Reason   string    // for people
	Attempts uint64    // deliveries until it was given up
	At       time.Time // when it was given up
	EventID  string
	Body     []byte
}

// bury keeps a message as a dead letter of the named consumer. The same event of the same run is kept once.
func bury(ctx context.Context, js jetstream.JetStream, m jetstream.Msg, name, reason string, delivered uint64) error {
	dead := nats.NewMsg(deadPrefix + name)
	dead.Data = m.Data()
	for k, v := range m.Headers() {
		dead.Header[k] = v
	}
	if id := m.Headers().Get(nats.MsgIdHdr); id != "" {
		dead.Header.Set(nats.MsgIdHdr, "dead:"+id)
	}
	dead.Header.Set(headerReason, headerText(reason))
	dead.Header.Set(headerAttempts, strconv.FormatUint(delivered, 10))
	dead.Header.Set(headerSubject, m.Subject())
	if _, err := js.PublishMsg(ctx, dead); err != nil {
		return fmt.Errorf("publish dead letter to %s: %w", dead.Subject, err)
	}
	return nil
}

// headerText makes any text fit for a header line.
func headerText(s string) string {
	q := strconv.Quote(s)
	return q[1 : len(q)-1]
}

// DeadLettersOf lists the dead letters of one consumer, oldest first; name "" means all.
func DeadLettersOf(ctx context.Context, js jetstream.JetStream, name string) ([]DeadLetter, error) {
	subject := deadPrefix + ">"
	if name != "" {
		subject = deadPrefix + name
	}
	cons, err := js.OrderedConsumer(ctx, DeadLetters, jetstream.OrderedConsumerConfig{FilterSubjects: []string{subject}})
	if err != nil {
		return nil, fmt.Errorf("read dead letters: %w", err)
	}
	info, err := cons.Info(ctx)
	if err != nil {
		return nil, fmt.Errorf("read dead letters: %w", err)
	}
	left := info.NumPending
	var letters []DeadLetter
	for left > 0 {
		batch, err := cons.Fetch(int(min(left, maxBatch)), jetstream.FetchMaxWait(5*time.Second))
		if err != nil {
			return nil, fmt.Errorf("read dead letters: %w", err)
		}
		for m := range batch.Messages() {
			letters = append(letters, letter(m))
			left--
		}
		if err := batch.Error(); err != nil {
			return nil, fmt.Errorf("read dead letters: %w", err)
		}
	}
	return letters, nil
}

func letter(m jetstream.Msg) DeadLetter {
	h := m.Headers()
	l := DeadLetter{
		Consumer: m.Subject()[len(deadPrefix):], Subject: h.Get(headerSubject), Reason: h.Get(headerReason),
		EventID: h.Get(HeaderID), Body: m.Data(),
	}
	l.Attempts, _ = strconv.ParseUint(h.Get(headerAttempts), 10, 64) // written by bury
	if md, err := m.Metadata(); err == nil {
		l.Sequence, l.At = md.Sequence.Stream, md.Timestamp
	}
	return l
}

// ErrNoDeadLetter says that a dead letter is not there (any more).
var ErrNoDeadLetter = errors.New("no such dead letter")

// Drop removes a dead letter for good.
func Drop(ctx context.Context, js jetstream.JetStream, sequence uint64) error {
	s, err := js.Stream(ctx, DeadLetters)
	if err != nil {
		return fmt.Errorf("drop dead letter %d: %w", sequence, err)
	}
	if err := s.DeleteMsg(ctx, sequence); err != nil {
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return fmt.Errorf("%w: %d", ErrNoDeadLetter, sequence)
		}
		return fmt.Errorf("drop dead letter %d: %w", sequence, err)
	}
	return nil
}

// Retry publishes the event of a dead letter again and then drops the letter. subject tells where an object's event
// belongs now: its dataset may have been defined since it died.
func Retry(ctx context.Context, js jetstream.JetStream, l DeadLetter, subject func(event.Object) string) error {
	m := nats.NewMsg(l.Subject)
	m.Data = l.Body
	if o, err := event.Unmarshal(l.Body); err == nil {
		m = Message(o, subject(o), "retry-"+strconv.FormatUint(l.Sequence, 10))
	}
	if _, err := js.PublishMsg(ctx, m); err != nil {
		return fmt.Errorf("retry dead letter %d: %w", l.Sequence, err)
	}
	return Drop(ctx, js, l.Sequence)
}
