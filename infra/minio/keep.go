package minio

import (
	"context"
	"log/slog"
	"time"

	s3 "github.com/minio/minio-go/v7"
)

const (
	// keepEvery is how often a running MinIO is looked after: one small request and a look into a folder.
	keepEvery = 5 * time.Second
	// queueAge is from when on a broken queue file is no file that is being written.
	queueAge = 10 * time.Second
)

// Keep looks after a running MinIO until ctx ends: rules that were removed and versions that were suspended are set again, and broken files that block its event
// queue are taken out of it.
func (s *Server) Keep(ctx context.Context, client *s3.Client, bucket string, log *slog.Logger) {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		switch changed, err := KeepRules(ctx, client, bucket); {
		case ctx.Err() != nil:
			return
		case err != nil:
			log.Debug("the bucket's rules could not be looked at", "error", err) // MinIO is away; its supervisor tells
		case changed:
			log.Warn("the bucket's notification rules were gone and are set again; the reactor's reconciler finds the objects that came in between")
		}
		switch changed, err := KeepVersioning(ctx, client, bucket); {
		case ctx.Err() != nil:
			return
		case err != nil:
			log.Debug("the bucket's versioning could not be looked at", "error", err)
		case changed:
			log.Warn("the bucket did not keep versions any more and does again; objects that were put meanwhile have taken the place of those before")
		}
		poisoned, err := QuarantineAged(s.config.Queue, s.config.Quarantine, time.Now(), queueAge)
		tell(log, poisoned)
		if err != nil {
			log.Warn("MinIO's event queue could not be looked through", "error", err)
		}
	}
}
