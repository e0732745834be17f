package harness

import (
	"context"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"millrace/tests/harness/broker"
)

// waitFor is the command that returns when objects are in gold.
func waitFor(keys []string) []string {
	args := []string{"wait"}
	for _, key := range keys {
		args = append(args, "--key", key)
	}
	return args
}

// Wait returns when the objects are in gold, and fails the test when they do not get there.
func (l *Lake) Wait(t testing.TB, keys ...string) {
	t.Helper()
	if r := l.Run(t, "reactor", waitFor(keys)...); r.Code != 0 {
		t.Fatalf("reactor wait for %s: %s\n%s", strings.Join(keys, ", "), r, l.dir().Logs())
	}
}

// WaitSteps waits for objects and returns how many ms each took from its put to each step, by key and step.
func (l *Lake) WaitSteps(t testing.TB, keys ...string) map[string]map[string]int {
	t.Helper()
	took := map[string]map[string]int{}
	for _, row := range Rows[struct {
		Key, Step  string
		MSSincePut int `json:"ms_since_put"`
	}](t, l, waitFor(keys)...) {
		if took[row.Key] == nil {
			took[row.Key] = map[string]int{}
		}
		took[row.Key][row.Step] = row.MSSincePut
	}
	return took
}

// JetStream is the broker's, for a test that looks into the streams or publishes there.
func (l *Lake) JetStream(t testing.TB) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(l.Connect(t, "owner"), jetstream.WithPublishAsyncMaxPending(4096))
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// Messages reads the bodies that lie in a stream below a subject, the oldest first.
func (l *Lake) Messages(t testing.TB, name, subject string) (bodies [][]byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	reader, err := l.JetStream(t).OrderedConsumer(ctx, name, jetstream.OrderedConsumerConfig{FilterSubjects: []string{subject}})
	if err != nil {
		t.Fatal(err)
	}
	info, err := reader.Info(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for range info.NumPending {
		m, err := reader.Next()
		if err != nil {
			t.Fatalf("read stream %s: %v", name, err)
		}
		bodies = append(bodies, m.Data())
	}
	return bodies
}

// Settled waits until no event is on its way any more: none waits for a consumer, and none is being worked on.
func (l *Lake) Settled(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	if err := broker.Settled(ctx, l.JetStream(t)); err != nil {
		t.Fatal(err)
	}
}
