//go:build exact

// Package exact proves each cell of silver and gold: it fills a lake, and has the Python package recompute (which needs no more than
// Python itself) compute every column of every table again from the bytes in bronze, in exact numbers.
package exact

import (
	"flag"
	"fmt"
	"path/filepath"
	"testing"
)

var (
	days = flag.Int("days", 3650, "of made-up prices, up to the middle of 2025")
	seed = flag.Int("seed", 1, "of the made-up prices")
	keep = flag.String("keep", "", "folder for bronze, its listing and the tables, which python -m recompute prove can judge again")
)

// Ten years of twenty assets whose prices are made up and as dirty as real ones.
func TestEveryCellIsWhatBronzeGives(t *testing.T) {
	l := newLake(t)
	folder := *keep
	if folder == "" {
		folder = t.TempDir()
	}
	recompute(t, "generate", folder, "--days", fmt.Sprint(*days), "--seed", fmt.Sprint(*seed))
	var made []object
	for _, line := range readLines[madeObject](t, filepath.Join(folder, "objects.jsonl")) {
		made = append(made, object{key: line.Key, file: filepath.Join(folder, line.File), meta: line.Meta})
	}
	l.put(t, made)
	l.prove(t, folder)
}
