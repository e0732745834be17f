package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"millrace/infra/bucket"
	"millrace/infra/cli"
	"millrace/infra/settings"
	"millrace/infra/strict"
	"millrace/ingestor/bronze"
	"millrace/reactor/sample"
	"millrace/reactor/silver"
	"millrace/reactor/silver/datasets"
	"millrace/reactor/silver/definition"
)

type datasetCmd struct {
	List   datasetListCmd   `cmd:"" help:"List the datasets that this program takes."`
	Show   datasetShowCmd   `cmd:"" help:"Print a file that millrace brings along."`
	Check  datasetCheckCmd  `cmd:"" help:"Check a dataset's file."`
	Try    datasetTryCmd    `cmd:"" help:"Show what a dataset's file makes of objects; write nothing."`
	Infer  datasetInferCmd  `cmd:"" help:"Propose a dataset's file for objects."`
	Schema datasetSchemaCmd `cmd:"" help:"Print the JSON Schema of a dataset's file, for editors."`
}

type datasetListCmd struct{}

func (*datasetListCmd) Help() string {
	return `Shows the datasets that objects can belong to: those of the program, and those of --datasets. Files that millrace brings along and does not use
are "ready": print one with reactor dataset show, and put it into the folder of datasets.

Example:

  reactor dataset list`
}

func (*datasetListCmd) Run(_ context.Context, out *cli.Output) error {
	var lines [][]any
	used := map[string]bool{}
	for _, d := range datasets.All() {
		used[d.Name] = true
		lines = append(lines, []any{d.Name, d.TableName(), "in use", strings.Join(d.Key, ", "), len(d.Columns()), orNil(d.Doc)})
	}
	ready, err := datasets.Ready()
	if err != nil {
		return err
	}
	for _, d := range ready {
		if !used[d.Name] {
			lines = append(lines, []any{d.Name, d.TableName(), "ready", strings.Join(d.Key, ", "), len(d.Columns()), orNil(d.Doc)})
		}
	}
	return out.Table([]string{"dataset", "table", "state", "key", "columns", "doc"}, lines)
}

type datasetShowCmd struct {
	Name string `arg:"" help:"Dataset, such as binance/klines."`
}

func (*datasetShowCmd) Help() string {
	return "Prints the file of a dataset that millrace brings along, in use or ready.\n\nExample:\n\n  mkdir -p datasets/binance; reactor dataset show binance/klines > datasets/binance/klines.yaml"
}

func (c *datasetShowCmd) Run(_ context.Context, out *cli.Output) error {
	text, err := datasets.Text(c.Name)
	if err != nil {
		return cli.Usage("%w; `reactor dataset list` names them", err)
	}
	_, err = out.Write(text)
	return err
}

type datasetCheckCmd struct {
	Files []string `arg:"" name:"file" type:"existingfile" help:"Files of datasets."`
}

func (*datasetCheckCmd) Help() string {
	return `Reads a dataset's file as the reactor would, and says what is wrong with it: file:line:column, and what to write instead. The exit code is 1 if
anything is wrong.

Example:

  reactor dataset check datasets/shop/orders.yaml`
}

func (c *datasetCheckCmd) Run(_ context.Context, out *cli.Output) error {
	var bad []error
	var lines [][]any
	for _, file := range c.Files {
		d, err := readDefinition(file)
		if err != nil {
			bad = append(bad, err)
			continue
		}
		lines = append(lines, []any{file, d.Name, d.TableName(), strings.Join(d.Key, ", "), len(d.Columns())})
	}
	if len(bad) > 0 {
		return fmt.Errorf("check datasets:\n%w", errors.Join(bad...))
	}
	return out.Table([]string{"file", "dataset", "table", "key", "columns"}, lines)
}

// readDefinition reads one file; its name says which dataset it must be where it is in a folder of datasets.
func readDefinition(file string) (*silver.Dataset, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the dataset: %w", err)
	}
	d, err := definition.Parse(text)
	var problems strict.Problems
	if errors.As(err, &problems) {
		return nil, problems.In(file)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if want := d.Name + filepath.Ext(file); !strings.HasSuffix("/"+filepath.ToSlash(file), "/"+want) {
		slog.Warn("a folder of datasets takes the file under another name", "file", file, "name", want)
	}
	return d, nil
}

type datasetSchemaCmd struct{}

func (*datasetSchemaCmd) Help() string {
	return "Prints the JSON Schema of a dataset's file. Name it in the file's first line, and editors complete and check it.\n\nExample:\n\n  reactor dataset schema > dataset.schema.json"
}

func (*datasetSchemaCmd) Run(_ context.Context, out *cli.Output) error {
	text, err := definition.JSONSchema()
	if err != nil {
		return err
	}
	_, err = out.Write(text)
	return err
}

// objectFlags name objects at hand.
type objectFlags struct {
	settings.S3
	Metadata map[string]string `placeholder:"NAME=VALUE" help:"User metadata of the objects that are files."`
	Objects  []string          `arg:"" name:"object" help:"Files, or keys of objects in the bucket that begin with bronze/."`
}

// read fetches the objects.
func (f *objectFlags) read(ctx context.Context, dataset string) ([]sample.Object, error) {
	var all []sample.Object
	for _, name := range f.Objects {
		o, err := f.object(ctx, name, dataset)
		if err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	return all, nil
}

func (f *objectFlags) object(ctx context.Context, name, dataset string) (sample.Object, error) {
	if _, err := os.Stat(name); err == nil || !strings.HasPrefix(name, bronze.Prefix) {
		return sample.File(name, dataset, f.Metadata)
	}
	client, err := f.Client()
	if err != nil {
		return sample.Object{}, err
	}
	return sample.Stored(ctx, bucket.Bucket{Client: client, Name: f.Bucket}, name)
}
