package main

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"millrace/infra/cli"
	"millrace/infra/minio"
	"millrace/infra/nats"
	"millrace/infra/process"
)

func locateMinIO(asked, dir string) (path string, build bool, err error) {
	return minio.Locate(asked, filepath.Join(dir, "minio"))
}

// minioProgram is the command that builds MinIO beforehand.
type minioProgram struct{}

// Help says where the program goes.
func (minioProgram) Help() string {
	return "Puts it beside the stack's own program, where `stack up` looks for it. What is there is left as it is.\n\nExample:\n  stack minio"
}

// Run builds the program unless it is there.
func (minioProgram) Run(ctx context.Context, out *cli.Output) error {
	self, err := ownFolder()
	if err != nil {
		return err
	}
	path, build, err := locateMinIO("", self)
	if err != nil || !build {
		return err
	}
	return buildMinIO(ctx, out, path)
}

// buildMinIO builds MinIO's program, which takes some minutes, once.
func buildMinIO(ctx context.Context, out *cli.Output, path string) error {
	slog.Info("building MinIO, once; it takes some minutes", "program", path, "version", minio.Version)
	began, shown, lastLog := time.Now(), 0, time.Now()
	var bar *cli.Progress
	err := minio.Build(ctx, path, func(compiled, total int) {
		if bar == nil { // not before: downloading comes first
			bar = out.Progress(total, "compiling MinIO")
		}
		bar.Add(compiled - shown)
		shown = compiled
		if time.Since(lastLog) > 15*time.Second {
			lastLog = time.Now()
			slog.Info("building MinIO", "compiled", compiled, "of_about", total)
		}
	})
	if bar != nil {
		bar.Done()
	}
	if err != nil {
		return err
	}
	slog.Info("MinIO is built", "after", time.Since(began).Round(time.Second).String())
	return nil
}

// startMinIO starts the object store and sets what a put needs to move the lake: bucket, users and notification rules. It sets
// them at every start, because anybody with the root password can change them meanwhile.
func (s *stack) startMinIO(ctx context.Context, broker *nats.Server) error {
	// Nothing keeps a free port until MinIO listens on it: if another process is faster, take another port.
	var server *minio.Server
	for attempt := 1; ; attempt++ {
		number, err := s.s3Port()
		if err != nil {
			return err
		}
		server, err = minio.Start(ctx, minio.Config{
			Binary:       s.programs.minio,
			Port:         number,
			Dir:          s.home.path("minio"),
			Queue:        s.home.path("events"),
			Quarantine:   s.home.path("quarantine"),
			LogFile:      s.home.logFile("minio"),
			PIDFile:      s.home.pidFile("minio"),
			RootUser:     minio.Root,
			RootPassword: s.secrets.root,
			NATSAddress:  broker.Address(),
			NATSUser:     nats.UserMinIO,
			NATSPassword: s.secrets.nats[nats.UserMinIO],
			Log:          slog.Default(),
		})
		if err == nil {
			break
		}
		if lost := (port{number: number, host: "127.0.0.1"}).check() != nil; !lost || s.options.S3Port != 0 || attempt == 3 {
			return err
		}
	}
	s.onStop(server.Stop)
	s.at.S3 = server.Endpoint()
	slog.Debug("object store answers", "address", s.at.S3, "after", s.elapsed())
	client, err := server.Client()
	if err != nil {
		return err
	}
	if err := minio.EnsureBucket(ctx, client, s.options.Bucket); err != nil {
		return err
	}
	if err := server.EnsureUsers(ctx, s.options.Bucket, s.secrets.s3); err != nil {
		return err
	}
	if err := minio.SetRules(ctx, client, s.options.Bucket); err != nil {
		return fmt.Errorf("connect the object store with the broker: %w", err)
	}
	keeping, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.onStop(stop)
	go server.Keep(keeping, client, s.options.Bucket, slog.Default())
	slog.Debug("object store is ready", "address", s.at.S3, "after", s.elapsed())
	return nil
}

func (s *stack) s3Port() (int, error) {
	if s.options.S3Port != 0 {
		return s.options.S3Port, nil
	}
	return process.FreePort()
}
