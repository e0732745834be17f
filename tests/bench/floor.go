package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/minio/minio-go/v7"
	"golang.org/x/sync/errgroup"

	"millrace/ingestor/bronze"
)

const (
	// floorFiles is how many files a rebuild of ten years writes: one a month in five tables, and what the commits need.
	floorFiles = 660
	// floorBytes is about the size of one.
	floorBytes = 20 << 10
	// floorClients is how many requests the reactor has under way.
	floorClients = 8
)

// floor is (m): what the requests of a rebuild cost with nothing behind them. No program that keeps its tables in MinIO is quicker.
var floor = scenario{
	letter: "m", about: "MinIO's floor: the requests of a rebuild of 3,650 daily snapshots, with nothing behind them",
	asked: true, figures: []string{"floor-read", "floor-write"},
	run: func(ctx context.Context, b *bench) (err error) {
		l, err := b.open(ctx, false)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, l.close()) }()
		daily, err := b.snapshots(b.size(3650, 365), 20, 24*time.Hour, bronze.DayOf(b.now).Start().Add(-12*time.Hour))
		if err != nil {
			return err
		}
		if err := l.putAll(ctx, daily, writers); err != nil {
			return err
		}
		if err := l.forget(ctx); err != nil {
			return err
		}
		if err := l.floorOf(ctx, "floor-read", fmt.Sprintf("list and get %d objects", len(daily)), func() (int, error) { return l.readAll(ctx, below(assets)) }, len(daily)); err != nil {
			return err
		}
		return l.floorOf(ctx, "floor-write", fmt.Sprintf("put %d files of %d kB", floorFiles, floorBytes>>10), func() (int, error) { return l.writeFiles(ctx) }, floorFiles)
	},
}

// floorOf times requests, and fails if they were not as many as they had to be.
func (l *lakehouse) floorOf(ctx context.Context, id, name string, requests func() (int, error), want int) error {
	done, err := l.watch(ctx, id)
	if err != nil {
		return err
	}
	started := time.Now()
	n, err := requests()
	took := time.Since(started)
	if err := errors.Join(err, done()); err != nil {
		return err
	}
	if n != want {
		return fmt.Errorf("%s: there were %d", name, n)
	}
	l.bench.add(single(id, name, "s", took.Seconds()))
	return nil
}

// readAll lists the object versions below a prefix and gets each, and returns how many there were.
func (l *lakehouse) readAll(ctx context.Context, prefix string) (n int, err error) {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(floorClients)
	for o := range l.client.ListObjectsIter(ctx, bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true, WithVersions: true}) {
		if o.Err != nil {
			return n, errors.Join(fmt.Errorf("list %s: %w", prefix, o.Err), g.Wait())
		}
		n++
		g.Go(func() error {
			body, _, _, err := minio.Core{Client: l.client}.GetObject(ctx, bucket, o.Key, minio.GetObjectOptions{VersionID: o.VersionID})
			if err != nil {
				return fmt.Errorf("get %s: %w", o.Key, err)
			}
			size, err := io.Copy(io.Discard, body)
			if err := errors.Join(err, body.Close()); err != nil {
				return fmt.Errorf("read %s: %w", o.Key, err)
			}
			if size != o.Size {
				return fmt.Errorf("read %s: %d bytes of %d came", o.Key, size, o.Size)
			}
			return nil
		})
	}
	return n, g.Wait()
}

// writeFiles puts files where no rule of events looks, as the reactor puts data files.
func (l *lakehouse) writeFiles(ctx context.Context) (int, error) {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(floorClients)
	for i := range floorFiles {
		g.Go(func() error {
			key := fmt.Sprintf("peers/floor/%d.parquet", i)
			_, err := l.client.PutObject(ctx, bucket, key, bytes.NewReader(make([]byte, floorBytes)), floorBytes, minio.PutObjectOptions{DisableContentSha256: true, DisableMultipart: true})
			if err != nil {
				return fmt.Errorf("put %s: %w", key, err)
			}
			return nil
		})
	}
	return floorFiles, g.Wait()
}
