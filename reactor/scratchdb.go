package main

import (
	"fmt"
	"os"

	"millrace/reactor/duck"
)

// withDatabase runs work on a database of its own, which spills what does not fit its memory into a folder that goes with it.
func withDatabase(memory string, work func(*duck.DB) error) error {
	dir, err := os.MkdirTemp("", "millrace-")
	if err != nil {
		return fmt.Errorf("make a folder for rows that do not fit memory: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // what stays is in the system's temporary folder
	db, err := duck.Open(duck.Config{MemoryLimit: memory, TempDir: dir})
	if err != nil {
		return err
	}
	defer db.Close()
	return work(db)
}
