package promote

import (
	"context"
	"maps"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"millrace/infra/tracing"
	"millrace/reactor/event"
	"millrace/reactor/lake"
)

// traceProperty names the property of a silver snapshot that holds the span that made it, while tracing is on. With it, gold's
// step joins the same trace, whichever reactor runs it.
const traceProperty = "millrace.traceparent"

// served begins the span of a batch of events, in the first object's trace. The function that it returns ends the span and links
// it from the other objects' traces.
func served(ctx context.Context, table string, batch []event.Delivery) (context.Context, func()) {
	if !tracing.On() {
		return ctx, func() {}
	}
	started := time.Now()
	var parents []string
	for _, d := range batch {
		parents = append(parents, d.Trace)
	}
	name := "promote " + table
	ctx, end := tracing.Serving(ctx, name, parents, attribute.Int("millrace.events", len(batch)), attribute.String("millrace.table", table))
	return ctx, func() {
		for _, d := range batch[1:] {
			if d.Trace != batch[0].Trace {
				tracing.Past(d.Trace, tracing.Part{Name: name, From: started, To: time.Now(), Linked: tracing.Parent(ctx)}, attribute.Int("millrace.events", len(batch)))
			}
		}
		end()
	}
}

// woken holds the times when silver's change was announced and when gold heard of it.
type woken struct{ announced, heard time.Time }

type wokenKey struct{}

// wake notes in the context what woke a gold step.
func wake(ctx context.Context, batch []event.Delivery) context.Context {
	if !tracing.On() {
		return ctx
	}
	w := woken{heard: time.Now()}
	for _, d := range batch {
		if w.announced.IsZero() || d.Object.ModifiedAt.Before(w.announced) {
			w.announced = d.Object.ModifiedAt
		}
	}
	return context.WithValue(ctx, wokenKey{}, w)
}

// waited begins the span of a gold step in the trace of the first silver snapshot that the step covers, and links it with the
// traces of the others.
func waited(ctx context.Context, view *lake.View, pins lake.Pins) (context.Context, func()) {
	if !tracing.On() {
		return ctx, func() {}
	}
	type waiting struct {
		at     int64
		parent string
	}
	var all []waiting
	for _, name := range slices.Sorted(maps.Keys(pins.Tables)) {
		t := view.Tables[name]
		if t == nil {
			continue
		}
		for _, s := range t.Meta.Snapshots() {
			if s.SequenceNumber > view.Pins.Tables[name].Sequence && s.Summary != nil && s.Summary.Properties[traceProperty] != "" {
				all = append(all, waiting{s.TimestampMs, s.Summary.Properties[traceProperty]})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b waiting) int { return int(a.at - b.at) })
	var parents []string
	for _, w := range all {
		if !slices.Contains(parents, w.parent) {
			parents = append(parents, w.parent)
		}
	}
	if w, ok := ctx.Value(wokenKey{}).(woken); ok && len(parents) > 0 {
		tracing.Past(parents[0], tracing.Part{Name: "announce silver", From: w.announced, To: w.heard})
		tracing.Past(parents[0], tracing.Part{Name: "wait for pointer", From: w.heard, To: time.Now()})
	}
	return tracing.Serving(ctx, "promote gold", parents, attribute.Int64("millrace.step", pins.Step), attribute.Int("millrace.snapshots", len(parents)))
}
