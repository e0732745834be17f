package sqs_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"

	aws "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"millrace/infra/nats"
	"millrace/infra/sqs"
	"millrace/infra/streams"
	"millrace/tests/harness"
)

// queue is an SQS that hands out what was not deleted again and again, and fails when it is told to.
type queue struct {
	mu       sync.Mutex
	messages map[string]string // by id
	receives int
	deletes  int
	fail     func(what string, n int) error
}

func (q *queue) ReceiveMessage(ctx context.Context, _ *aws.ReceiveMessageInput, _ ...func(*aws.Options)) (*aws.ReceiveMessageOutput, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.receives++; q.fail("receive", q.receives) != nil {
		return nil, q.fail("receive", q.receives)
	}
	if len(q.messages) == 0 {
		q.mu.Unlock()
		<-ctx.Done()
		q.mu.Lock()
		return nil, ctx.Err()
	}
	out := &aws.ReceiveMessageOutput{}
	for id, body := range q.messages {
		if len(out.Messages) < 10 {
			out.Messages = append(out.Messages, types.Message{MessageId: &id, Body: &body, ReceiptHandle: &id})
		}
	}
	return out, nil
}

func (q *queue) DeleteMessageBatch(_ context.Context, in *aws.DeleteMessageBatchInput, _ ...func(*aws.Options)) (*aws.DeleteMessageBatchOutput, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.deletes++
	if err := q.fail("delete", q.deletes); err != nil {
		return nil, err
	}
	out := &aws.DeleteMessageBatchOutput{}
	for i, e := range in.Entries {
		if i == 0 && q.deletes == 2 { // one of them is refused
			text := "the receipt has expired"
			out.Failed = append(out.Failed, types.BatchResultErrorEntry{Id: e.Id, Message: &text})
			continue
		}
		delete(q.messages, *e.Id)
	}
	return out, nil
}

// A message leaves the queue when the stream has it, and is in the stream once, whatever fails how often.
func TestEachMessageIsStoredOnceAndThenDeleted(t *testing.T) {
	broker := harness.Broker(t)
	js := harness.JetStream(t, broker, nats.UserMinIO) // who may publish raw messages, and nothing else
	down := errors.New("connection refused")
	q := &queue{messages: map[string]string{}, fail: func(what string, n int) error {
		if n == 1 {
			return down
		}
		return nil
	}}
	const n = 25
	for i := range n {
		q.messages[fmt.Sprint(i)] = fmt.Sprintf(`{"Records":[%d]}`, i)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		ended <- (&sqs.Bridge{Queue: q, URL: "https://sqs.example/1/lake", JS: js, Log: slog.New(slog.DiscardHandler)}).Run(ctx)
	}()
	// There is no stream yet: what cannot be stored stays in the queue.
	harness.Eventually(t, "the bridge has tried", func() bool { q.mu.Lock(); defer q.mu.Unlock(); return q.receives >= 3 })
	if len(q.messages) != n || q.deletes > 0 {
		t.Errorf("%d of %d messages are left, although none is stored", len(q.messages), n)
	}
	own := harness.JetStream(t, broker, nats.UserReactor)
	if err := streams.Ensure(t.Context(), own); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, "the queue is empty", func() bool { q.mu.Lock(); defer q.mu.Unlock(); return len(q.messages) == 0 })
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("an orderly end: %v", err)
	}
	raw, err := own.Stream(t.Context(), streams.Raw)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range raw.CachedInfo().State.Msgs {
		m, err := raw.GetMsg(t.Context(), i+1)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(m.Data))
	}
	slices.Sort(got)
	if len(got) != n || len(slices.Compact(got)) != n {
		t.Errorf("%d messages are in the stream, want each of %d once", len(got), n)
	}
	if q.deletes < 4 {
		t.Errorf("%d deletions were tried: none failed, and it proves nothing", q.deletes)
	}
}
