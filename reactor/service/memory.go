package service

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// goMemory is from where the garbage collector works harder: with DuckDB's part the process stays below 300 MB.
	goMemory = 128 << 20
	// gcPercent trades some 20 MB for half of the collector's work. Little is alive between two steps, and at the usual 100 a
	// quarter of the reactor's CPU time went into finding that out.
	gcPercent = 200
	// memoryEvery is how often the limit is held against what is alive.
	memoryEvery = time.Second
)

// tuneMemory sets the garbage collector, but for what the environment sets, and keeps the limit above what is alive until ctx ends.
func tuneMemory(ctx context.Context) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") != "" {
		return nil
	}
	debug.SetMemoryLimit(goMemory)
	tick := time.NewTicker(memoryEvery)
	defer tick.Stop()
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	for limit := int64(goMemory); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		metrics.Read(live)
		if next := memoryFor(live[0].Value.Uint64()); next != limit {
			limit = next
			debug.SetMemoryLimit(limit)
		}
	}
}

// memoryFor is the limit where so many bytes are alive: the collector needs room beyond them. 200 tables with 10,000 snapshots keep
// 140 MB alive; at a limit below that it ran all the time, and an object took half a minute to gold.
func memoryFor(live uint64) int64 {
	const room, step = 32 << 20, 8 << 20
	return max(goMemory, int64(live+live/2+room)/step*step) //nolint:gosec // no heap has 2^62 bytes
}
