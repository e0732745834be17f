package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// count gives what each query counts. One run of the program answers all of them, because its start takes longer than an answer.
func (l *lakehouse) count(ctx context.Context, queries []string) (map[string]int, error) {
	var columns []string
	for i, query := range queries {
		columns = append(columns, fmt.Sprintf("(%s)::bigint as n%d", query, i))
	}
	out, err := l.run(ctx, patience, "analyst", "reactor", "query", "--output", "json", "select "+strings.Join(columns, ", "))
	if err != nil {
		return nil, err
	}
	var rows []map[string]*int
	if err := json.Unmarshal(out, &rows); err != nil || len(rows) != 1 {
		return nil, fmt.Errorf("count rows: answer %s: %w", out, err)
	}
	counts := map[string]int{}
	for i, query := range queries {
		n := rows[0][fmt.Sprintf("n%d", i)]
		if n == nil {
			return nil, fmt.Errorf("wrong rows: %s gives nothing", query)
		}
		counts[query] = *n
	}
	return counts, nil
}

// checkMemory is what the proof may take. Nobody measures the proof, and with more memory it ends sooner.
const checkMemory = "4GiB"

// proofPatience bounds the proof. It grows with the lake, which has 100,000 objects after scenario f's longest run.
const proofPatience = time.Hour

// verify compares counts (query → rows). Then `reactor check` computes all tables once more from bronze and compares them.
func (l *lakehouse) verify(ctx context.Context, counts map[string]int) error {
	counts["select count(*) from silver.rejected"] = 0
	got, err := l.count(ctx, slices.Sorted(maps.Keys(counts)))
	if err != nil {
		return err
	}
	for query, want := range counts {
		if got[query] != want {
			return fmt.Errorf("wrong rows: %s gives %d, not %d", query, got[query], want)
		}
	}
	out, err := l.run(ctx, proofPatience, "reactor", "reactor", "check", "--output", "json", "--timeout", proofPatience.String(), "--memory", checkMemory)
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

// sameProcesses fails when a process died and was started again: its figures would belong to two.
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
	now, err := l.dir().PID("reactor")
	if err == nil && now != l.pids["reactor"] {
		err = fmt.Errorf("the reactor died and was started again")
	}
	return err
}

// warnings logs what the reactor complained about: a retry costs time that no figure explains.
func (l *lakehouse) warnings() {
	file := filepath.Join(l.home, "log", "reactor.log")
	if l.reactor != nil {
		file = l.log("reactor")
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return // it never ran
	}
	var all []string
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, `"level":"WARN"`) || strings.Contains(line, `"level":"ERROR"`) {
			all = append(all, strings.TrimSpace(line))
		}
	}
	if len(all) > 0 {
		l.bench.log("the reactor warned", "times", len(all), "first", all[0], "last", all[len(all)-1])
	}
}
