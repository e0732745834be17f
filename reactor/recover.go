package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"millrace/reactor/gold"
	"millrace/reactor/lake"
	"millrace/reactor/silver"
	"millrace/reactor/silver/datasets"
)

// recoverLake has the tables made anew when the catalog is older than they are, and says so.
func recoverLake(ctx context.Context, l *lake.Lake, set *gold.Set, log *slog.Logger) error {
	tables := []string{"silver." + silver.RejectedTable}
	for _, d := range datasets.All() {
		tables = append(tables, "silver."+d.Table)
	}
	for _, m := range set.Models {
		tables = append(tables, m.Name)
	}
	reason, err := l.Recover(ctx, tables...)
	if err != nil {
		return fmt.Errorf("compare the catalog with the object storage: %w", err)
	}
	if reason != "" {
		log.Warn("the catalog is older than the lake: it was deleted, or restored from an earlier copy. All tables are rebuilt from bronze; their earlier snapshots are gone", "because", reason)
	}
	return nil
}

// setAsideBroken makes way for a new catalog when the file is none that can be read.
func (c *runCmd) setAsideBroken(ctx context.Context) error {
	address, err := c.URI(c.Home)
	if err != nil {
		return err
	}
	kept, err := lake.SetAside(ctx, address.Reveal(), time.Now())
	if kept != "" {
		slog.Warn("the catalog is no SQLite database or a broken one; it is moved aside and a new one made", "kept", kept)
	}
	return err
}

// watchCatalog ends the reactor when the catalog's file is not the one any more that it has open, or cannot be read: its next start recovers.
func watchCatalog(ctx context.Context, l *lake.Lake) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := l.Replaced(); err != nil {
			return err
		}
		if _, _, err := l.Version(ctx, "silver."+silver.RejectedTable); lake.Unreadable(err) {
			return err
		}
	}
}
