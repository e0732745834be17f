package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/config"
	aws "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/cli"
	"millrace/infra/settings"
	"millrace/infra/sqs"
)

// sqsBridge is the command that brings S3's messages from an SQS queue to NATS.
type sqsBridge struct {
	settings.NATS
	Queue string `arg:"" placeholder:"URL" help:"Address of the queue."`
}

// Help says whose credentials it takes and shows an example.
func (sqsBridge) Help() string {
	return `A lake on AWS hears of its objects by it: S3 sends its events to the queue, by itself, through SNS or through EventBridge, and the
reactor runs with --s3-events aws. A message is deleted when NATS has stored it. Run as many as you like; any NATS user will do that may
publish on lake.raw.>. Region and credentials are found as the AWS CLI finds them: AWS_REGION, AWS_PROFILE, the machine's role.

Example:
  stack sqs https://sqs.eu-central-1.amazonaws.com/111122223333/lakehouse`
}

// Run moves messages until it is stopped.
func (c sqsBridge) Run(ctx context.Context, _ *cli.Output) error {
	conn, err := c.Connect(ctx, "sqs")
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return fmt.Errorf("find AWS's region and credentials: %w", err)
	}
	slog.Info("messages of the queue go to NATS", "queue", c.Queue)
	return (&sqs.Bridge{Queue: aws.NewFromConfig(cfg), URL: c.Queue, JS: js, Log: slog.Default()}).Run(ctx)
}
