package lake

import (
	"fmt"
	"path/filepath"
	"testing"

	"golang.org/x/sync/errgroup"
)

// One file in ten had a connection that failed, while SQLite was trusted to wait.
func TestANewFileIsOpenedByManyAtOnce(t *testing.T) {
	folder := t.TempDir()
	for n := range 100 {
		file := filepath.Join(folder, fmt.Sprintf("%d.db", n))
		var starts errgroup.Group
		for range 8 {
			starts.Go(func() error {
				c, err := connect("sqlite://" + file)
				if err != nil {
					return err
				}
				defer func() { _ = c.db.Close() }() // only read
				_, err = c.version(t.Context())
				return err
			})
		}
		if err := starts.Wait(); err != nil {
			t.Fatalf("file %d: %v", n, err)
		}
	}
}
