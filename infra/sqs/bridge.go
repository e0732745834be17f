// Package sqs carries the messages of an SQS queue into the stream RAW: what S3, SNS or EventBridge put there tells the reactor of
// objects.
package sqs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	aws "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/cenkalti/backoff/v4"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/streams"
)

const (
	// most is how many messages SQS gives at once.
	most = 10
	// patience is how long SQS waits for the first message before it answers, in seconds. A shorter one asks more often, and costs.
	patience = 20
	// longest is the longest pause after failures.
	longest = time.Minute
)

// Queue is SQS, as far as it is used here.
type Queue interface {
	ReceiveMessage(context.Context, *aws.ReceiveMessageInput, ...func(*aws.Options)) (*aws.ReceiveMessageOutput, error)
	DeleteMessageBatch(context.Context, *aws.DeleteMessageBatchInput, ...func(*aws.Options)) (*aws.DeleteMessageBatchOutput, error)
}

// Bridge moves messages from a queue to the stream.
type Bridge struct {
	Queue Queue
	URL   string // the queue's
	JS    jetstream.JetStream
	Log   *slog.Logger
}

// Run moves messages until ctx ends. It deletes a message after the stream has stored it, so one that it could not store, or not
// delete, comes again: its id makes a copy harmless, and so does the identity of the object that it tells of.
func (b *Bridge) Run(ctx context.Context) error {
	pause := backoff.NewExponentialBackOff(backoff.WithMaxInterval(longest), backoff.WithMaxElapsedTime(0))
	for {
		err := b.move(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			pause.Reset()
			continue
		}
		delay := pause.NextBackOff()
		b.Log.Warn("messages of the queue wait; trying again", "queue", b.URL, "in", delay.String(), "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(delay):
		}
	}
}

// move moves the messages that the queue gives at once.
func (b *Bridge) move(ctx context.Context) error {
	got, err := b.Queue.ReceiveMessage(ctx, &aws.ReceiveMessageInput{QueueUrl: &b.URL, MaxNumberOfMessages: most, WaitTimeSeconds: patience})
	if err != nil {
		return fmt.Errorf("receive messages of %s: %w", b.URL, err)
	}
	var stored []types.DeleteMessageBatchRequestEntry
	var failed error
	for _, m := range got.Messages {
		if err := b.publish(ctx, m); err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		stored = append(stored, types.DeleteMessageBatchRequestEntry{Id: m.MessageId, ReceiptHandle: m.ReceiptHandle})
	}
	return errors.Join(failed, b.remove(ctx, stored))
}

// publish returns when the stream has stored a message.
func (b *Bridge) publish(ctx context.Context, m types.Message) error {
	if m.MessageId == nil || m.Body == nil {
		return fmt.Errorf("the queue %s gave a message without an id or a body", b.URL)
	}
	out := nats.NewMsg(streams.RawQueue)
	out.Data = []byte(*m.Body)
	if _, err := b.JS.PublishMsg(ctx, out, jetstream.WithMsgID("sqs:"+*m.MessageId)); err != nil {
		return fmt.Errorf("store message %s of %s: %w", *m.MessageId, b.URL, err)
	}
	return nil
}

// remove deletes stored messages from the queue.
func (b *Bridge) remove(ctx context.Context, stored []types.DeleteMessageBatchRequestEntry) error {
	if len(stored) == 0 {
		return nil
	}
	gone, err := b.Queue.DeleteMessageBatch(ctx, &aws.DeleteMessageBatchInput{QueueUrl: &b.URL, Entries: stored})
	if err == nil && len(gone.Failed) > 0 {
		text := ""
		if gone.Failed[0].Message != nil {
			text = ": " + *gone.Failed[0].Message
		}
		err = fmt.Errorf("%d of %d were refused%s", len(gone.Failed), len(stored), text)
	}
	if err != nil {
		return fmt.Errorf("delete messages of %s that are stored: %w", b.URL, err)
	}
	return nil
}
