package service

import (
	"os"
	"runtime/debug"
)

const (
	// goMemory is from where the garbage collector works harder: with DuckDB's part the process stays below 300 MB.
	goMemory = 128 << 20
	// gcPercent trades some 20 MB for half of the collector's work. Little is alive between two steps, and at the usual 100 a
	// quarter of the reactor's CPU time went into finding that out.
	gcPercent = 200
)

// tuneMemory sets the garbage collector, but for what the environment sets.
func tuneMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(goMemory)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}
