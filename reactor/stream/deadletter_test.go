package stream_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	natsclient "github.com/nats-io/nats.go"

	"millrace/infra/nats"
	"millrace/infra/streams"
	"millrace/reactor/event"
	"millrace/reactor/stream"
)

func letterObject(name string) event.Object {
	return event.Object{Bucket: "lakehouse", Key: "bronze/coincap/assets/" + name, Version: "v", ModifiedAt: time.UnixMilli(1795953600000).UTC(), ETag: "e"}
}

// A header is one line, but a reason quotes any text that somebody put into an object.
func TestAReasonIsReadAsItWasGiven(t *testing.T) {
	reasons := map[string]string{}
	for name, reason := range map[string]string{
		"quotes":      `it has no "data": {"error":"quota \"x\" C:\n"}`,
		"lines":       "first\nsecond\r\nthird\ttab\x00nul",
		"unicode":     "Preis ₿ 東京 🚀 é\u0301 \u202e",
		"broken":      "not UTF-8: \xff\xfe",
		"long":        strings.Repeat(`"\é`+"\n", 1024),
		"base64":      "aGVsbG8=",
		"quoted-look": `\u0041\n`,
	} {
		reasons["bronze/coincap/assets/"+name] = reason
	}
	js := broker(t)
	const subject = "lake.ev.bronze.coincap.assets"
	run(t, &stream.Consumer{
		JS: js, Log: slog.New(slog.DiscardHandler), Name: "silver-asset_snapshots", Subjects: []string{subject},
		Handle: func(_ context.Context, batch []event.Delivery) []error {
			var errs []error
			for _, d := range batch {
				errs = append(errs, event.DeadAs(event.Unreadable, "%s", reasons[d.Object.Key]))
			}
			return errs
		},
	})
	for key := range reasons {
		if _, err := js.PublishMsg(t.Context(), stream.Message(letterObject(strings.TrimPrefix(key, "bronze/coincap/assets/")), subject, "")); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "each has a letter", func() bool {
		letters, err := stream.DeadLettersOf(t.Context(), js, "")
		return err == nil && len(letters) == len(reasons)
	})
	letters, err := stream.DeadLettersOf(t.Context(), js, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range letters {
		o, err := event.Unmarshal(l.Body)
		if err != nil || l.Reason != reasons[o.Key] {
			t.Errorf("%s: the reason %.80q is read as %.80q", o.Key, reasons[o.Key], l.Reason)
		}
	}
}

// Letters of an earlier release have their reason as a Go string without quotes.
func TestLettersOfAnEarlierReleaseAreRead(t *testing.T) {
	js, _ := brokerAs(t, nats.UserOwner)
	for written, want := range map[string]string{
		`it has no \"data\": \"{\\\"error\\\":1}\"`: `it has no "data": "{\"error\":1}"`,
		`two\nlines \u202e`:                         "two\nlines \u202e",
		"plain":                                     "plain",
		`by hand: "C:\dir"`:                         `by hand: "C:\dir"`,
	} {
		m := natsclient.NewMsg(streams.DeadPrefix + "silver-asset_snapshots")
		m.Header.Set("Lake-Reason", written)
		m.Data = letterObject("x").Marshal()
		if _, err := js.PublishMsg(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		letters, err := stream.DeadLettersOf(t.Context(), js, "")
		if err != nil || len(letters) == 0 {
			t.Fatalf("read letters: %v, %v", letters, err)
		}
		if got := letters[len(letters)-1].Reason; got != want {
			t.Errorf("%s is read as %q, want %q", written, got, want)
		}
	}
}

// A page of 5,000 letters must not take a request for each, and a letter that clears itself while others are read must not hold them up.
func TestManyLettersAreReadAtOnce(t *testing.T) {
	js, _ := brokerAs(t, nats.UserOwner)
	const n = 1234
	for i := range n {
		m := natsclient.NewMsg(streams.DeadPrefix + []string{"gold", "silver-asset_prices"}[i%2])
		m.Data = letterObject("x").Marshal()
		if _, err := js.PublishMsg(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	for _, gone := range []uint64{1, 500, 501, n} {
		if err := stream.Drop(t.Context(), js, gone); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]int{"": n - 4, "gold": n/2 - 2, "silver-asset_prices": n/2 - 2, "nobody": 0} {
		letters, err := stream.DeadLettersOf(t.Context(), js, name)
		if err != nil || len(letters) != want {
			t.Errorf("the letters of %q: %d, %v; want %d", name, len(letters), err, want)
		}
		for i, l := range letters {
			if i > 0 && l.Sequence <= letters[i-1].Sequence {
				t.Fatalf("letter %d comes after %d", l.Sequence, letters[i-1].Sequence)
			}
		}
	}
	s, err := js.Stream(t.Context(), streams.DeadLetters)
	if err != nil {
		t.Fatal(err)
	}
	for name := range s.ConsumerNames(t.Context()).Name() {
		t.Errorf("the reader left the consumer %s", name)
	}
	if l, err := stream.DeadLetterOf(t.Context(), js, 7); err != nil || l.Sequence != 7 || len(l.Body) == 0 {
		t.Errorf("one letter: %+v, %v", l, err)
	}
	if _, err := stream.DeadLetterOf(t.Context(), js, 500); !errors.Is(err, stream.ErrNoDeadLetter) {
		t.Errorf("a letter that is gone: %v", err)
	}
	if _, err := stream.DeadLetterOf(t.Context(), js, 1<<40); !errors.Is(err, stream.ErrNoDeadLetter) {
		t.Errorf("a letter that never was: %v", err)
	}
}
