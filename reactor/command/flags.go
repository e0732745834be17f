package command

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/minio/minio-go/v7"
	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/bucket"
	"millrace/infra/cli"
	"millrace/infra/settings"
	"millrace/reactor/gold"
	"millrace/reactor/lake"
	"millrace/reactor/progress"
	"millrace/reactor/stream"
	"millrace/reactor/tables"
)

// lakeFlags say which lake a command works on.
type lakeFlags struct {
	settings.Home
	settings.S3
	settings.Catalog
}

// opened is a lake and the bucket that it lies in, for the time of a command.
type opened struct {
	*lake.Lake
	Bucket bucket.Bucket
}

// table finds a table of the lake as it is now.
func (l opened) table(ctx context.Context, name string) (*lake.Table, error) {
	view, err := l.View(ctx)
	if err != nil {
		return nil, err
	}
	return view.Table(name)
}

// openLake is lake.Open, which makes a catalog where there is none, or lake.OpenExisting, which does not.
type openLake func(ctx context.Context, client *minio.Client, bucket, address string) (*lake.Lake, error)

// withLake runs a command on the lake, which must be there: in a folder where no stack ever was, a command makes no catalog.
func (f *lakeFlags) withLake(ctx context.Context, run func(opened) error) error {
	client, err := f.Client()
	if err != nil {
		return err
	}
	open := lake.Open
	if _, err := settings.ReadEnv(f.Home.Home, "reactor"); errors.Is(err, fs.ErrNotExist) && f.Catalog.Catalog == "" {
		open = lake.OpenExisting
	}
	return f.withLakeBy(ctx, client, open, run)
}

// withNewLake is withLake for commands that make the catalog if need be.
func (f *lakeFlags) withNewLake(ctx context.Context, run func(opened) error) error {
	client, err := f.Client()
	if err != nil {
		return err
	}
	return f.withLakeBy(ctx, client, lake.Open, run)
}

// withLakeBy is withLake with a client of the command's own.
func (f *lakeFlags) withLakeBy(ctx context.Context, client *minio.Client, open openLake, run func(opened) error) error {
	address, err := f.URI(f.Home)
	if err != nil {
		return err
	}
	l, err := open(ctx, client, f.Bucket, address.Reveal())
	if err != nil {
		return noCatalog(address, err)
	}
	return errors.Join(run(opened{l, bucket.Bucket{Client: client, Name: f.Bucket}}), l.Close())
}

// noCatalog makes an error of opening the catalog one with advice, if the catalog is missing or does not answer.
func noCatalog(address settings.Secret, err error) error {
	if path, ok := settings.SQLitePath(address); ok && errors.Is(err, lake.ErrNoCatalog) {
		return &settings.Unanswered{Part: "the catalog", Address: path, Err: err}
	}
	return settings.NoAnswer("the catalog", err)
}

// sqliteFile returns the file of the catalog; PostgreSQL has tools of its own for what asks for it.
func (f *lakeFlags) sqliteFile() (string, error) {
	address, err := f.URI(f.Home)
	if err != nil {
		return "", err
	}
	path, ok := settings.SQLitePath(address)
	if !ok {
		return "", lake.ErrNotSQLite
	}
	return filepath.Clean("/" + path), nil
}

// withEvents runs a command that needs NATS.
func withEvents(ctx context.Context, n settings.NATS, run func(jetstream.JetStream) error) error {
	nc, err := n.Connect(ctx, "reactor")
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := stream.Client(nc, n.NATSReplicas)
	if err != nil {
		return err
	}
	return run(js)
}

// modelFlags say which gold models there are beside millrace's own.
type modelFlags struct {
	Models string `env:"MILLRACE_MODELS" type:"existingdir" placeholder:"DIR" help:"Folder of own gold models (*.sql), and of audits in its sub-folder audits."`
}

// named is the folder of own models where a command that is printed has to name it: where the environment does not.
func (f modelFlags) named() string {
	if f.Models == os.Getenv("MILLRACE_MODELS") {
		return ""
	}
	return f.Models
}

// load reads the models.
func (f modelFlags) load(ctx context.Context) (*gold.Set, error) {
	inputs, err := tables.Inputs()
	if err != nil {
		return nil, err
	}
	return gold.Load(ctx, inputs, f.Models)
}

// bars shows progress on the terminal.
func bars(out *cli.Output) progress.Show {
	return func(total int, work string) progress.Bar { return out.Progress(total, work) }
}

// orNil is a text for a table of results, where none is no value.
func orNil(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// deref is a value for a table of results, nil where there is none.
func deref[T any](value *T) any {
	if value == nil {
		return nil
	}
	return *value
}
