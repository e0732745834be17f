package minio

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	s3 "github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"millrace/infra/process"
	"millrace/infra/settings"
)

// Root is the name of MinIO's own user.
const Root = "millrace-root"

const (
	// readyWithin covers the check of a store with many objects; an empty one is ready in half a second.
	readyWithin = 2 * time.Minute
	// grace lets requests in flight end. MinIO waits for them itself, up to this long.
	grace = 10 * time.Second
)

// Config is what the child needs. All paths must be absolute: MinIO refuses another queue folder.
type Config struct {
	Binary     string
	Port       int
	Dir        string // the object store, and MinIO's own files
	Queue      string // events that wait for NATS
	Quarantine string // broken files of the queue
	LogFile    string
	PIDFile    string

	RootUser     string
	RootPassword settings.Secret

	NATSAddress  string // host:port
	SafeAddress  string // that of SAFE's broker where it is another server of a cluster (default: NATSAddress)
	NATSUser     string
	NATSPassword settings.Secret

	Log *slog.Logger
}

func (c Config) data() string { return filepath.Join(c.Dir, "data") }

// Server is a supervised MinIO.
type Server struct {
	child  *process.Child
	config Config
}

// Start returns when the S3 API answers with all notification targets loaded.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	for _, dir := range []string{cfg.data(), cfg.Queue} {
		if !filepath.IsAbs(dir) {
			return nil, fmt.Errorf("MinIO's folder %s is not absolute", dir)
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("make MinIO's folder: %w", err)
		}
	}
	s := &Server{config: cfg}
	root, err := s.Client()
	if err != nil {
		return nil, err
	}
	s.child, err = process.Start(ctx, process.Spec{
		Name:    "minio",
		Command: s.command,
		Ready: func(ctx context.Context) error {
			// /minio/health/ready says 200 before the targets are loaded; a signed S3 call is held back until then.
			_, err := root.ListBuckets(ctx)
			return err
		},
		ReadyWithin: readyWithin,
		Grace:       grace,
		LogFile:     cfg.LogFile,
		PIDFile:     cfg.PIDFile,
		Log:         cfg.Log,
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Stop ends MinIO in order.
func (s *Server) Stop() { s.child.Stop() }

// PID is MinIO's process, or 0 while it is being started again.
func (s *Server) PID() int { return s.child.PID() }

// Endpoint is the S3 address.
func (s *Server) Endpoint() string { return "http://" + s.address() }

func (s *Server) address() string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.config.Port))
}

// Client signs in as the root user, whose key never leaves the stack's process and its child.
func (s *Server) Client() (*s3.Client, error) {
	client, err := s3.New(s.address(), &s3.Options{
		Creds: credentials.NewStaticV4(s.config.RootUser, s.config.RootPassword.Reveal(), ""), Region: "us-east-1", Transport: noProxy(),
		MaxRetries: 1, // the wait for readiness has its own, faster rhythm
	})
	if err != nil {
		return nil, fmt.Errorf("set up MinIO's root client: %w", err)
	}
	return client, nil
}

// Admin signs in to MinIO's own interface as the root user.
func (s *Server) Admin() *Admin {
	return NewAdmin(s.Endpoint(), s.config.RootUser, s.config.RootPassword, noProxy())
}

// noProxy keeps the root user's calls on loopback, whatever HTTP_PROXY says.
func noProxy() *http.Transport {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	return transport
}

// command runs before every start, restarts included: a kill in the middle of a write is what breaks queue files.
func (s *Server) command() (*exec.Cmd, error) {
	cfg := s.config
	poisoned, err := Quarantine(cfg.Queue, cfg.Quarantine, time.Now())
	tell(cfg.Log, poisoned)
	if err != nil {
		return nil, err
	}
	if cfg.Binary == "" {
		return nil, errors.New("no program for MinIO")
	}
	cmd := exec.Command(cfg.Binary, "server", "--quiet", "--address", s.address(),
		"--certs-dir", filepath.Join(cfg.Dir, "certs"), cfg.data())
	cmd.Env = environment(cfg)
	return cmd, nil
}

func tell(log *slog.Logger, poisoned []Poisoned) {
	for _, p := range poisoned {
		log.Warn("broken event file taken out of MinIO's queue; reactor reconcile finds its object", "file", p.Path, "reason", p.Reason, "kept", p.Kept)
	}
}

// environment is the whole of it: variables of the user's own MinIO must not reach this one. The four switches below
// are one recipe: every weaker combination lost acknowledged events when MinIO or NATS was killed under load.
func environment(cfg Config) []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + cfg.Dir,
		"TMPDIR=" + os.TempDir(),
		"MINIO_ROOT_USER=" + cfg.RootUser,
		"MINIO_ROOT_PASSWORD=" + cfg.RootPassword.Reveal(),
		"MINIO_BROWSER=off",
		"MINIO_UPDATE=off",
		// The scanner goes through all objects for ever, for usage figures and lifecycle rules that nobody has here: 8 s of CPU time a
		// minute at 150,000 objects, 0.1 s at its slowest.
		"MINIO_SCANNER_SPEED=slowest",
		// A put is answered after its event was handed to the targets, not before: the queue in memory dies with MinIO.
		"MINIO_API_SYNC_EVENTS=on",
		// S3 stays shut until targets and rules are loaded: without it the events of the first 190 ms vanish.
		"MINIO_SYNC_BOOT=on",
	}
	// FAST delivers at once and loses what NATS cannot take. SAFE goes through a queue on disk, up to three seconds
	// later, and loses nothing. The router drops the second copy.
	env = append(env, target("FAST", cfg.NATSAddress, cfg)...)
	env = append(env, target("SAFE", cmp.Or(cfg.SafeAddress, cfg.NATSAddress), cfg)...)
	return append(env,
		"MINIO_NOTIFY_NATS_QUEUE_DIR_SAFE="+cfg.Queue,
		"MINIO_NOTIFY_NATS_QUEUE_LIMIT_SAFE=1000000",
	)
}

func target(id, address string, cfg Config) []string {
	return []string{
		"MINIO_NOTIFY_NATS_ENABLE_" + id + "=on",
		"MINIO_NOTIFY_NATS_ADDRESS_" + id + "=" + address,
		"MINIO_NOTIFY_NATS_SUBJECT_" + id + "=" + subjects[id],
		// Without JetStream it is fire and forget.
		"MINIO_NOTIFY_NATS_JETSTREAM_" + id + "=on",
		"MINIO_NOTIFY_NATS_USERNAME_" + id + "=" + cfg.NATSUser,
		"MINIO_NOTIFY_NATS_PASSWORD_" + id + "=" + cfg.NATSPassword.Reveal(),
	}
}
