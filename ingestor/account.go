package main

import (
	"context"
	"log/slog"
	"sync/atomic"

	"millrace/infra/tracing"
	"millrace/ingestor/coincap"
)

// account is what the calls of one run have cost. Objects carry their own part in their metadata, where the reactor counts
// it; calls that put no object show here only.
type account struct{ calls, credits atomic.Int64 }

func (a *account) add(r *coincap.Response) {
	a.calls.Add(1)
	a.credits.Add(int64(credits(r)))
}

// credits is what a response has cost: one for the call, and one for each 2,500 bytes that were begun.
func credits(r *coincap.Response) int { return 1 + bytesCredits(len(r.Body)) }

// begin starts tracing, if anybody wants it. The function it returns ends it and says what the API has cost.
func (l *lander) begin(ctx context.Context) (end func(), err error) {
	stop, err := tracing.Start(ctx, "millrace-ingestor")
	if err != nil {
		return nil, err
	}
	return func() {
		slog.Info("API used", "calls", l.used.calls.Load(), "credits", l.used.credits.Load())
		if err := stop(ctx); err != nil {
			slog.Warn("the last spans were not sent", "error", err)
		}
	}, nil
}
