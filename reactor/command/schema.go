package command

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"millrace/infra/cli"
	"millrace/reactor/tables"
)

type schemaCmd struct {
	modelFlags
	Name string `arg:"" optional:"" placeholder:"TABLE" help:"Only this table, such as gold.rankings, or the one of this dataset, such as coincap/assets."`
}

func (*schemaCmd) Help() string {
	return `Prints the columns of the tables that this program keeps. As JSON it prints all that another engine needs in order to compute the same
tables: keys, the order by which rows of one key win, partitions, Iceberg schemas, and the models with their SQL. It opens no lake.

Examples:

  reactor schema silver.asset_prices
  reactor schema --output json`
}

func (c *schemaCmd) Run(ctx context.Context, out *cli.Output) error {
	set, err := c.load(ctx)
	if err != nil {
		return err
	}
	d := tables.Describe(set, c.Name)
	if len(d.Tables) == 0 {
		return fmt.Errorf("there is no table and no dataset %s: `reactor schema` lists all", c.Name)
	}
	if out.Format() == "json" {
		text, err := json.MarshalIndent(d, "", "  ")
		if err != nil {
			return fmt.Errorf("describe the tables: %w", err)
		}
		_, err = fmt.Fprintf(out, "%s\n", text)
		return err
	}
	var lines [][]any
	for _, t := range d.Tables {
		for _, f := range t.Schema.Fields() {
			lines = append(lines, []any{t.Name, f.Name, f.Type.String(), f.Required, orNil(strings.TrimSpace(f.Doc))})
		}
	}
	return out.Table([]string{"table", "column", "type", "required", "meaning"}, lines)
}
