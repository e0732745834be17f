package main

import (
	"context"
	"fmt"
)

// watch measures what a part of a scenario takes; call the function it returns at the part's end.
func (l *lakehouse) watch(ctx context.Context, part string) (func() error, error) {
	before := map[string]Resource{}
	for name, pid := range l.pids {
		r, err := l.resource(ctx, part, name)
		if err == nil {
			err = resetPeak(pid)
		}
		if err != nil {
			return nil, err
		}
		before[name] = r
	}
	return func() error {
		for _, name := range []string{"reactor", "minio", "stack"} {
			if _, ok := l.pids[name]; !ok {
				continue
			}
			r, err := l.resource(ctx, part, name)
			if err != nil {
				return err
			}
			l.bench.report.Resources = append(l.bench.report.Resources, r.since(before[name]))
		}
		return nil
	}, nil
}

// resource measures what a process has taken since its start.
func (l *lakehouse) resource(ctx context.Context, part, process string) (Resource, error) {
	u, err := usageOf(l.pids[process])
	if err != nil {
		return Resource{}, fmt.Errorf("watch %s, which may have died: %w", process, err)
	}
	r := Resource{Scenario: l.bench.letter, Part: part, Process: process, CPUSeconds: u.cpuSeconds, PeakRSSMB: u.peakBytes / 1e6}
	switch process {
	case "minio":
		t, err := l.traffic(ctx)
		r.S3 = &t
		return r, err
	case "reactor":
		r.Upkeep, err = l.upkeep(ctx)
	}
	return r, err
}

// since subtracts what a process had taken by an earlier time, nothing when it had not started.
func (r Resource) since(before Resource) Resource {
	r.CPUSeconds -= before.CPUSeconds
	if r.S3 != nil && before.S3 != nil {
		t := r.S3.since(*before.S3)
		r.S3 = &t
	}
	steps := map[string]Steps{}
	for work, s := range r.Upkeep {
		b := before.Upkeep[work]
		if s.N > b.N {
			steps[work] = Steps{s.N - b.N, s.Seconds - b.Seconds}
		}
	}
	r.Upkeep = steps
	return r
}
