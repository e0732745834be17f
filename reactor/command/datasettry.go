package command

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"strings"

	"millrace/infra/cli"
	"millrace/reactor/sample"
	"millrace/reactor/silver"
)

type datasetTryCmd struct {
	File string `arg:"" type:"existingfile" help:"File of the dataset."`
	objectFlags
	Show string `enum:"all,rows,refused,schema" default:"all" help:"What to print: rows, refused, schema, or all of them as tables."`
	Rows int    `default:"20" help:"How many rows of each kind are printed."`
}

func (*datasetTryCmd) Help() string {
	return `Decodes objects by a dataset's file as the reactor would, and prints the rows, the refused rows with their reasons, and the table's columns. It
writes nothing. The exit code is 1 if an object cannot be read at all.

Examples:

  reactor dataset try datasets/shop/orders.yaml orders.json
  reactor dataset try datasets/shop/orders.yaml bronze/shop/orders/ingest_date=2026-11-23/a.json --show refused --output json`
}

func (c *datasetTryCmd) Run(ctx context.Context, out *cli.Output) error {
	d, err := readDefinition(c.File)
	if err != nil {
		return err
	}
	objects, err := c.read(ctx, d.Name)
	if err != nil {
		return err
	}
	tried, err := sample.Try(ctx, d, objects, c.Rows)
	if err != nil {
		return err
	}
	if err := c.print(out, d, tried); err != nil {
		return err
	}
	slog.Info("tried", "dataset", d.Name, "objects", len(objects), "rows", tried.Accepted, "refused", tried.Lost, "unreadable", len(tried.Unreadable))
	if len(tried.Unreadable) > 0 {
		var reasons []string
		for _, u := range tried.Unreadable {
			reasons = append(reasons, u.Object+": "+u.Reason)
		}
		return fmt.Errorf("these objects would be dead letters:\n%s", strings.Join(reasons, "\n"))
	}
	return nil
}

func (c *datasetTryCmd) print(out *cli.Output, d *silver.Dataset, tried sample.Tried) error {
	shows := func(part string) bool {
		return c.Show == part || c.Show == "all" && (out.Format() == "table" || part == "rows")
	}
	if shows("schema") {
		var lines [][]any
		for _, f := range d.Schema().Fields() {
			lines = append(lines, []any{f.Name, f.Type.String(), f.Required, orNil(f.Doc)})
		}
		if err := out.Table([]string{"column", "type", "required", "doc"}, lines); err != nil {
			return err
		}
	}
	if shows("rows") && (len(tried.Rows) > 0 || out.Format() != "table") {
		if err := out.Table(tried.Columns, tried.Rows); err != nil {
			return err
		}
	}
	if !shows("refused") || len(tried.Refused) == 0 && out.Format() == "table" {
		return nil
	}
	var lines [][]any
	for _, r := range tried.Refused {
		lines = append(lines, []any{r.Object, r.Row, orNil(r.Field), r.Reason, r.Raw})
	}
	return out.Table([]string{"object", "row", "field", "reason", "raw"}, lines)
}

type datasetInferCmd struct {
	objectFlags
	Name string `default:"my_source/my_dataset" help:"Name of the dataset: <source>/<dataset>."`
}

var datasetName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*/[a-z0-9][a-z0-9_-]*$`)

func (*datasetInferCmd) Help() string {
	return `Prints a dataset's file for objects that no dataset takes yet: types, time, key and where the rows are, as the objects show them. Comments say what is
unsure. Objects below bronze/<source>/<dataset>/ give the dataset its name.

Examples:

  reactor dataset infer --name shop/orders orders-1.json orders-2.json > datasets/shop/orders.yaml
  reactor dataset infer bronze/shop/orders/ingest_date=2026-11-23/a.json`
}

func (c *datasetInferCmd) Run(ctx context.Context, out *cli.Output) error {
	if parts := strings.Split(c.Objects[0], "/"); len(parts) > 3 && parts[0] == "bronze" && c.Name == "my_source/my_dataset" {
		c.Name = parts[1] + "/" + parts[2]
	}
	if !datasetName.MatchString(c.Name) {
		return cli.Usage("--name %s: a dataset is named <source>/<dataset>, each of a-z, 0-9, _ and -", c.Name)
	}
	objects, err := c.read(ctx, c.Name)
	if err != nil {
		return err
	}
	text, err := sample.Infer(ctx, c.Name, objects)
	if err != nil {
		return err
	}
	_, err = out.Write([]byte(text))
	return err
}
