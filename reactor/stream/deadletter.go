package stream

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/streams"
	"millrace/reactor/event"
)

// These are the headers of a dead letter. Its body is the unchanged event or MinIO's unchanged message.
const (
	headerReason   = "Lake-Reason-B64" // base64 of the text, because a header is one line of printable characters
	headerQuoted   = "Lake-Reason"     // in letters of an earlier release: the text as a Go string without quotes
	headerAttempts = "Lake-Attempts"
	headerSubject  = "Lake-Subject"
	headerFirst    = "Lake-First-At" // when the event was given up for the first time
)

// DeadLetter is an event that no retry can mend.
type DeadLetter struct {
	Sequence uint64    // number in the stream, which commands show and take
	Consumer string    // the consumer that gave it up
	Subject  string    // where the event was published
	Reason   string    // for people
	Attempts uint64    // deliveries until it was given up, with those of earlier letters of the event
	First    time.Time // when it was given up for the first time
	At       time.Time // when it was given up last
	EventID  string
	Body     []byte
}

// buried describes a message that becomes a dead letter.
type buried struct {
	subject  string
	header   nats.Header
	body     []byte
	consumer string
	reason   string
	attempts uint64
	first    time.Time // of an earlier letter; zero if there is none
}

// buriedOf describes a message that the named consumer gives up. earlier is the event's earlier letter, if it has one.
func buriedOf(m jetstream.Msg, name, reason string, earlier kept) buried {
	return buried{
		subject: m.Subject(), header: m.Headers(), body: m.Data(), consumer: name, reason: reason,
		attempts: deliveries(m) + earlier.attempts, first: earlier.first,
	}
}

// bury stores a message as a dead letter. The stream keeps an event of a run once.
func bury(ctx context.Context, js jetstream.JetStream, b buried) error {
	dead := nats.NewMsg(streams.DeadPrefix + b.consumer)
	dead.Data = b.body
	for k, v := range b.header {
		if !strings.HasPrefix(k, "Nats-") { // the server's own headers say where the message was; readers would take that for the letter's place
			dead.Header[k] = v
		}
	}
	if id := b.header.Get(nats.MsgIdHdr); id != "" {
		dead.Header.Set(nats.MsgIdHdr, "dead:"+id)
	}
	dead.Header.Del(headerQuoted) // a letter that was published by hand has it
	dead.Header.Set(headerReason, base64.StdEncoding.EncodeToString([]byte(b.reason)))
	dead.Header.Set(headerAttempts, strconv.FormatUint(b.attempts, 10))
	dead.Header.Set(headerSubject, b.subject)
	if !b.first.IsZero() {
		dead.Header.Set(headerFirst, b.first.UTC().Format(time.RFC3339Nano))
	}
	if _, err := js.PublishMsg(ctx, dead); err != nil {
		return fmt.Errorf("publish dead letter to %s: %w", dead.Subject, err)
	}
	return nil
}

// reasonOf reads the reason from a letter's headers.
func reasonOf(h nats.Header) string {
	if text := h.Get(headerReason); text != "" {
		reason, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return text // not written by bury
		}
		return string(reason)
	}
	quoted := h.Get(headerQuoted)
	if reason, err := strconv.Unquote(`"` + quoted + `"`); err == nil {
		return reason
	}
	return quoted
}

// lettersAtOnce is how many dead letters come with one request. One by one, 5,000 took more than half a second.
const lettersAtOnce = 500

// DeadLettersOf lists the dead letters of one consumer, oldest first; name "" means all. It takes what is there and never waits: a letter
// that it expects may clear itself meanwhile.
func DeadLettersOf(ctx context.Context, js jetstream.JetStream, name string) (letters []DeadLetter, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("read dead letters: %w", err)
		}
	}()
	subject := streams.DeadPrefix + ">"
	if name != "" {
		subject = streams.DeadPrefix + name
	}
	s, err := js.Stream(ctx, streams.DeadLetters)
	if err != nil {
		return nil, err
	}
	reader, err := s.CreateConsumer(ctx, jetstream.ConsumerConfig{
		FilterSubject: subject, AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1, InactiveThreshold: time.Minute,
	})
	if err != nil {
		return nil, err
	}
	defer func() {
		err = errors.Join(err, s.DeleteConsumer(context.WithoutCancel(ctx), reader.CachedInfo().Name))
	}()
	for {
		batch, err := reader.FetchNoWait(lettersAtOnce)
		if err != nil {
			return nil, err
		}
		before := len(letters)
		for m := range batch.Messages() {
			at, err := m.Metadata()
			if err != nil {
				return nil, err
			}
			letters = append(letters, letter(m.Subject(), m.Headers(), m.Data(), at.Sequence.Stream, at.Timestamp))
		}
		if err := errors.Join(batch.Error(), ctx.Err()); err != nil {
			return nil, err
		}
		if len(letters) == before {
			return letters, nil
		}
	}
}

// DeadLetterOf reads one dead letter by its number. The error is ErrNoDeadLetter if it is not there.
func DeadLetterOf(ctx context.Context, js jetstream.JetStream, sequence uint64) (DeadLetter, error) {
	s, err := js.Stream(ctx, streams.DeadLetters)
	if err != nil {
		return DeadLetter{}, fmt.Errorf("read dead letter %d: %w", sequence, err)
	}
	m, err := s.GetMsg(ctx, sequence)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return DeadLetter{}, fmt.Errorf("%w: %d", ErrNoDeadLetter, sequence)
	}
	if err != nil {
		return DeadLetter{}, fmt.Errorf("read dead letter %d: %w", sequence, err)
	}
	return letter(m.Subject, m.Header, m.Data, m.Sequence, m.Time), nil
}

func letter(subject string, h nats.Header, body []byte, sequence uint64, at time.Time) DeadLetter {
	l := DeadLetter{
		Sequence: sequence, Consumer: subject[len(streams.DeadPrefix):], Subject: h.Get(headerSubject), Reason: reasonOf(h),
		First: at, At: at, EventID: h.Get(HeaderID), Body: body,
	}
	l.Attempts, _ = strconv.ParseUint(h.Get(headerAttempts), 10, 64) // bury wrote it
	if first, err := time.Parse(time.RFC3339Nano, h.Get(headerFirst)); err == nil {
		l.First = first
	}
	return l
}

// ErrNoDeadLetter says that a dead letter does not exist, or no longer.
var ErrNoDeadLetter = errors.New("no such dead letter")

// Drop removes a dead letter for good.
func Drop(ctx context.Context, js jetstream.JetStream, sequence uint64) error {
	s, err := js.Stream(ctx, streams.DeadLetters)
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

// Retry publishes the event of a dead letter again. subject returns the present subject of an object's event: its dataset may be new.
// The letter stays until the event is done, or until it dies again and has a newer letter. If the message is not an event, Retry
// drops its letter, because nothing could tell when it is obsolete.
func Retry(ctx context.Context, js jetstream.JetStream, l DeadLetter, subject func(event.Object) string) error {
	m, drop := nats.NewMsg(l.Subject), true
	m.Data = l.Body
	if o, err := event.Unmarshal(l.Body); err == nil {
		m, drop = Message(o, subject(o), fmt.Sprintf("retry-%d-%d", l.Sequence, time.Now().UnixNano())), false
	}
	if _, err := js.PublishMsg(ctx, m); err != nil {
		return fmt.Errorf("retry dead letter %d: %w", l.Sequence, err)
	}
	if !drop {
		return nil
	}
	return Drop(ctx, js, l.Sequence)
}
