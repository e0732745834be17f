package stream_test

import (
	"context"
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
