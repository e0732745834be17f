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

// DeadLettersOf lists the dead letters of one consumer, oldest first; name "" means all. It asks for each letter alone: a consumer that
// expects ten letters would wait for the tenth, which may have cleared itself meanwhile.
func DeadLettersOf(ctx context.Context, js jetstream.JetStream, name string) ([]DeadLetter, error) {
	subject := streams.DeadPrefix + ">"
	if name != "" {
		subject = streams.DeadPrefix + name
	}
	s, err := js.Stream(ctx, streams.DeadLetters)
	if err != nil {
		return nil, fmt.Errorf("read dead letters: %w", err)
	}
	var letters []DeadLetter
	for next := uint64(1); ; {
		m, err := s.GetMsg(ctx, next, jetstream.WithGetMsgSubject(subject))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return letters, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read dead letters: %w", err)
		}
		letters = append(letters, letter(m.Subject, m.Header, m.Data, m.Sequence, m.Time))
		next = m.Sequence + 1
	}
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
