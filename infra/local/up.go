package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"millrace/infra/cli"
	"millrace/infra/settings"
)

// up is the command that runs everything.
type up struct {
	settings.Home
	settings.Catalog
	settings.CatalogOfReaders
	S3Port    int             `name:"s3-port" env:"MILLRACE_S3_PORT" default:"9000" help:"Port of the object store; 0 takes a free one."`
	NATSPort  int             `name:"nats-port" env:"MILLRACE_NATS_PORT" default:"4222" help:"Port of the broker; 0 takes a free one."`
	HTTPAddr  string          `name:"http-addr" env:"MILLRACE_HTTP_ADDR" default:"127.0.0.1:8088" help:"Address of the reactor's metrics and health; port 0 takes a free one."`
	Bucket    string          `env:"MILLRACE_BUCKET" default:"lakehouse" help:"Bucket of the lakehouse."`
	MinIO     string          `name:"minio" env:"MILLRACE_MINIO" placeholder:"FILE" help:"MinIO's program (default: minio beside this program, built when it is not there)."`
	Key       settings.Secret `name:"coincap-api-key" env:"COINCAP_API_KEY" placeholder:"SECRET" help:"CoinCap's key; without one prices are synthetic."`
	Recorded  string          `type:"existingdir" placeholder:"DIR" help:"Serve recorded CoinCap responses from this folder in place of prices."`
	Models    string          `env:"MILLRACE_MODELS" type:"existingdir" placeholder:"DIR" help:"Folder of own gold models, for the reactor and for every command on this lakehouse."`
	Datasets  string          `env:"MILLRACE_DATASETS" type:"existingdir" placeholder:"DIR" help:"Folder of own datasets, likewise."`
	Days      int             `default:"400" help:"Days of history of the first ingest."`
	Top       int             `default:"20" help:"Coins of the first ingest, by market capitalisation."`
	NoIngest  bool            `help:"Start with what is there: no first ingest."`
	NoReactor bool            `help:"Start without the reactor, to run one by hand."`
}

// Help says what happens and shows an example.
func (up) Help() string {
	return `Starts nats-server, MinIO and the reactor, and a simulator of CoinCap when there is no key. The first start lands
history and a snapshot and shows the gold table they became. Ctrl-C stops in order, a second one at once.

Example:
  MILLRACE_S3_PORT=0 MILLRACE_NATS_PORT=0 stack up --days 30 --top 5`
}

// Validate refuses what could only fail later.
func (u up) Validate() error {
	switch {
	case u.Days < 1 || u.Days > 3650:
		return fmt.Errorf("--days is %d, it must be from 1 to 3650", u.Days)
	case u.Top < 1 || u.Top > 2000:
		return fmt.Errorf("--top is %d, it must be from 1 to 2000", u.Top)
	case u.S3Port < 0 || u.S3Port > 65535 || u.NATSPort < 0 || u.NATSPort > 65535:
		return errors.New("a port must be from 0 to 65535")
	}
	if _, _, err := splitAddr(u.HTTPAddr); err != nil {
		return fmt.Errorf("--http-addr %q must look like 127.0.0.1:8088: %w", u.HTTPAddr, err)
	}
	return nil
}

// Run starts everything, and stops it when ctx ends.
func (u up) Run(ctx context.Context, out *cli.Output) (err error) {
	// A closed terminal is a wish to stop, not to leave MinIO in the middle of a write.
	ctx, release := signal.NotifyContext(ctx, syscall.SIGHUP)
	defer release()
	s := &stack{options: u, out: out, started: time.Now()}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.start(ctx); err != nil {
		return err
	}
	s.ingest(ctx)
	if ctx.Err() == nil {
		s.banner()
	}
	<-ctx.Done()
	slog.Info("stopping")
	return nil
}

// stack is everything that `up` started.
type stack struct {
	options  up
	out      *cli.Output
	started  time.Time
	home     home
	programs programs
	secrets  credentials
	catalog  settings.Secret
	at       addresses
	natsURL  func(user string) settings.Secret
	stops    []func() // in the order of starting
}

// start brings the parts up, each before those that need it.
func (s *stack) start(ctx context.Context) (err error) {
	if s.home, err = openHome(s.options.Home.Home); err != nil {
		return err
	}
	unlock, err := s.home.lock(ctx)
	if err != nil {
		return err
	}
	s.onStop(unlock)
	if err := s.home.removeReady(); err != nil {
		return err
	}
	// What can be found to fail now is found before the first part is started.
	if s.programs, err = locatePrograms(s.options); err != nil {
		return err
	}
	if err := s.checkPorts(ctx); err != nil {
		return err
	}
	if s.secrets, err = loadCredentials(s.home.credentialsFile()); err != nil {
		return err
	}
	if s.catalog, err = s.catalogURI(); err != nil {
		return err
	}
	if s.programs.buildMinIO {
		if err := buildMinIO(ctx, s.out, s.programs.minio); err != nil {
			return err
		}
	}
	broker, err := s.startNATS(ctx)
	if err != nil {
		return err
	}
	if err := s.startMinIO(ctx, broker); err != nil {
		return err
	}
	if err := s.startSimulator(); err != nil {
		return err
	}
	if err := s.writeEnvironments(); err != nil {
		return err
	}
	if !s.options.NoReactor {
		if err := s.startReactor(ctx); err != nil {
			return err
		}
		// They are written once more, because only now the reactor's address is known.
		if err := s.writeEnvironments(); err != nil {
			return err
		}
	}
	ready := readiness{PID: os.Getpid(), Since: time.Now().UTC(), Synthetic: s.synthetic(), addresses: s.at}
	if err := s.home.writeReady(ready); err != nil {
		return err
	}
	slog.Info("stack is ready", "home", s.home, "after", s.elapsed())
	return nil
}

// elapsed returns the time since the start as text: JSON logs would show nanoseconds.
func (s *stack) elapsed() string { return time.Since(s.started).Round(time.Millisecond).String() }

func (s *stack) onStop(f func()) { s.stops = append(s.stops, f) }

// stop ends the parts, the last one first. Without the lock nothing was started, and the ready file is another stack's.
func (s *stack) stop() error {
	if len(s.stops) == 0 {
		return nil
	}
	err := s.home.removeReady()
	for len(s.stops) > 0 {
		last := len(s.stops) - 1
		s.stops[last]()
		s.stops = s.stops[:last]
	}
	return err
}

func (s *stack) checkPorts(ctx context.Context) error {
	host, number, err := splitAddr(s.options.HTTPAddr)
	if err != nil {
		return err
	}
	ports := []port{
		{s.options.S3Port, "127.0.0.1", "the object store", "MILLRACE_S3_PORT=0 takes a free one"},
		{s.options.NATSPort, "127.0.0.1", "the broker", "MILLRACE_NATS_PORT=0 takes a free one"},
	}
	if !s.options.NoReactor {
		ports = append(ports, port{number, host, "the reactor's metrics", "MILLRACE_HTTP_ADDR=127.0.0.1:0 takes a free one"})
	}
	for _, p := range ports {
		if err := p.await(ctx); err != nil {
			return err
		}
	}
	return nil
}

// catalogURI returns the catalog's address. A database server may be anywhere, but a SQLite file is always this home's own: if
// the shell still has another stack's MILLRACE_CATALOG from an `eval "$(stack env)"`, two lakes would write to one catalog.
func (s *stack) catalogURI() (settings.Secret, error) {
	own := settings.Home{Home: string(s.home)}
	uri, err := s.options.URI(own)
	if err != nil {
		return "", err
	}
	if _, isFile := settings.SQLitePath(uri); isFile {
		return settings.Catalog{}.URI(own)
	}
	return uri, nil
}

// own are the folders of the user's own models and datasets, by the variables that name them.
func (u up) own() map[string]string {
	folders := map[string]string{"MILLRACE_MODELS": u.Models, "MILLRACE_DATASETS": u.Datasets}
	maps.DeleteFunc(folders, func(_, folder string) bool { return folder == "" })
	return folders
}

func (s *stack) writeEnvironments() error {
	all := access{home: s.home, at: s.at, bucket: s.options.Bucket, catalog: s.catalog, readers: s.options.CatalogOfReaders.CatalogOfReaders, own: s.options.own(), secrets: s.secrets, natsURL: s.natsURL}
	for _, role := range roles {
		if err := settings.WriteEnv(string(s.home), role, all.environment(role)); err != nil {
			return err
		}
	}
	return nil
}

// programs are the executables that the stack starts.
type programs struct {
	minio      string
	buildMinIO bool
	reactor    string
	ingestor   string
}

// locatePrograms looks beside the stack's own program, where `go tool task build` puts them all.
func locatePrograms(u up) (programs, error) {
	dir, err := ownFolder()
	if err != nil {
		return programs{}, err
	}
	p := programs{reactor: filepath.Join(dir, "reactor"), ingestor: filepath.Join(dir, "ingestor")}
	if p.minio, p.buildMinIO, err = locateMinIO(u.MinIO, dir); err != nil {
		return programs{}, err
	}
	var needed []string
	if !u.NoReactor {
		needed = append(needed, p.reactor)
	}
	if !u.NoIngest && !u.NoReactor {
		needed = append(needed, p.ingestor)
	}
	for _, program := range needed {
		if _, err := os.Stat(program); err != nil {
			return programs{}, fmt.Errorf("find a program of the project: %w: build all of them with `go tool task build`", err)
		}
	}
	return p, nil
}

// ownFolder returns the folder of the stack's own program.
func ownFolder() (string, error) {
	self, err := os.Executable()
	if err == nil {
		self, err = filepath.EvalSymlinks(self)
	}
	if err != nil {
		return "", fmt.Errorf("find the stack's own program: %w", err)
	}
	return filepath.Dir(self), nil
}

// openLogFile opens the log of a part that runs inside this process.
func (s *stack) openLogFile(part string) (io.WriteCloser, error) {
	path := s.home.logFile(part)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for logs: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", part, err)
	}
	return file, nil
}
