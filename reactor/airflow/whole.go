package airflow

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// whole is what the metric calls the asset of all gold.
const whole = "gold"

// wholeURI is the asset of all gold. A DAG that waits for it needs no list of tables: which ones there are, the event tells.
func (r *Reporter) wholeURI() string { return "s3://" + r.bucket + "/gold" }

// wholeExtra is what a DAG finds in the event of all gold, given the tables of the event before: the snapshot of each table
// that the lake has, and which of them are others than before. ok is false when nothing is.
func wholeExtra(now []Report, before map[string]any) (extra map[string]any, ok bool) {
	tables, step := map[string]any{}, int64(0)
	var changed []string
	for _, n := range now {
		tables[n.Table], step = n.snapshot(), max(step, n.Step)
		if before[n.Table] != n.snapshot() {
			changed = append(changed, n.Table)
		}
	}
	if len(tables) == 0 || maps.Equal(tables, before) {
		return nil, false
	}
	slices.Sort(changed)
	return map[string]any{"tables": tables, "changed": changed, "step": step}, true
}

// sendWhole reports what all of gold is now, unless Airflow's last event of it says the same. If it fails, or no DAG names
// the asset, it is due again with the next round.
func (r *Reporter) sendWhole(ctx context.Context, now []Report) error {
	r.mu.Lock()
	due := r.wholeDue
	r.wholeDue = false
	r.mu.Unlock()
	if !due || len(now) == 0 {
		return nil
	}
	outcome, err := r.offerWhole(ctx, now)
	if outcome != unasked || !r.wholeOffered {
		r.reports.WithLabelValues(whole, outcome).Inc()
	}
	r.wholeOffered = outcome == unasked
	if err != nil || outcome == unasked {
		r.mu.Lock()
		r.wholeDue = true
		r.mu.Unlock()
	}
	if err != nil {
		return fmt.Errorf("report gold: %w", err)
	}
	return nil
}

func (r *Reporter) offerWhole(ctx context.Context, now []Report) (outcome string, err error) {
	id, ok, err := r.client.Asset(ctx, r.wholeURI())
	if err != nil {
		return failed, err
	}
	if !ok {
		return unasked, nil
	}
	events, err := r.client.Events(ctx, id, recentEvents)
	if err != nil {
		return failed, err
	}
	var before map[string]any
	for _, extra := range events {
		if tables, ok := extra["tables"].(map[string]any); ok {
			before = tables
			break
		}
	}
	extra, changed := wholeExtra(now, before)
	if !changed {
		return known, nil
	}
	if err := r.client.AddEvent(ctx, id, extra); err != nil {
		return failed, err
	}
	return sent, nil
}
