package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
)

// watch measures what a part of a scenario takes; call the function it returns at the part's end.
func (l *lakehouse) watch(part string) (func() error, error) {
	before := map[string]usage{}
	for name, pid := range l.pids {
		u, err := usageOf(pid)
		if err == nil {
			err = resetPeak(pid)
		}
		if err != nil {
			return nil, fmt.Errorf("watch %s: %w", name, err)
		}
		before[name] = u
	}
	return func() error {
		for _, name := range []string{"reactor", "minio", "stack"} {
			pid, ok := l.pids[name]
			if !ok {
				continue
			}
			u, err := usageOf(pid)
			if err != nil {
				return fmt.Errorf("watch %s, which may have died: %w", name, err)
			}
			l.bench.report.Resources = append(l.bench.report.Resources, Resource{
				Scenario: l.bench.letter, Part: part, Process: name,
				CPUSeconds: u.cpuSeconds - before[name].cpuSeconds, PeakRSSMB: u.peakBytes / 1e6,
			})
		}
		return nil
	}, nil
}

// count is the first column of the first row that a query gives.
func (l *lakehouse) count(ctx context.Context, query string) (int, error) {
	out, err := l.run(ctx, "analyst", "reactor", "query", "--output", "json", "select ("+query+")::bigint as n")
	if err != nil {
		return 0, err
	}
	var rows []struct{ N *int }
	if err := json.Unmarshal(out, &rows); err != nil || len(rows) != 1 || rows[0].N == nil {
		return 0, fmt.Errorf("query %s: answer %s: %w", query, out, err)
	}
	return *rows[0].N, nil
}

// verify compares counts (query → rows) and then has the lake prove itself: all tables computed once more from bronze.
func (l *lakehouse) verify(ctx context.Context, counts map[string]int) error {
	counts["select count(*) from silver.rejected"] = 0
	for query, want := range counts {
		got, err := l.count(ctx, query)
		if err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("wrong rows: %s gives %d, not %d", query, got, want)
		}
	}
	out, err := l.run(ctx, "reactor", "reactor", "check", "--output", "json")
	if err != nil {
		return err
	}
	var tables []struct {
		Table string
		Rows  int
		Equal bool
	}
	if err := json.Unmarshal(out, &tables); err != nil || len(tables) == 0 {
		return fmt.Errorf("reactor check: answer %s: %w", out, err)
	}
	for _, t := range tables {
		if !t.Equal {
			return fmt.Errorf("reactor check: %s is not what bronze gives", t.Table)
		}
	}
	return l.sameProcesses()
}

// sameProcesses fails when one died and was started again: its figures would be those of two.
func (l *lakehouse) sameProcesses() error {
	if now := l.stack.PID(); now != l.pids["stack"] {
		return fmt.Errorf("the stack died and was started again")
	}
	if l.reactor != nil {
		if now := l.reactor.PID(); now != l.pids["reactor"] {
			return fmt.Errorf("the reactor died and was started again")
		}
		return nil
	}
	now, err := readPID(filepath.Join(l.home, "reactor.pid"))
	if err == nil && now != l.pids["reactor"] {
		err = fmt.Errorf("the reactor died and was started again")
	}
	return err
}
