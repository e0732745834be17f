package command

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"millrace/infra/cli"
	"millrace/reactor/lineage"
)

type traceCmd struct {
	lakeFlags
	modelFlags
	Table string   `arg:"" help:"Table of silver or gold, such as gold.rankings."`
	Key   []string `arg:"" sep:"none" help:"Values of the row's key, in the order of the model's grain or the dataset's key."`
}

func (*traceCmd) Help() string {
	return `Shows where a row comes from: the models, the rows of each table that it may be made of, the objects in bronze, their requests, and the
commit and run that brought them. It lists rows with the same key from the row's day and from the earlier days that the models read. It
only counts rows of other keys, which a model may compare with. If a row of silver is not what its
object gives, because another engine changed it, the object's line says so. JSON has more details than the tree.

Examples:

  reactor trace gold.rankings bitcoin 2026-01-31
  reactor trace silver.asset_prices bitcoin d1 2026-01-31T00:00:00Z --output json`
}

func (c *traceCmd) Run(ctx context.Context, out *cli.Output) error {
	return c.withLake(ctx, func(l opened) error {
		nodes, err := lineage.Tracer{Lake: l.Lake, Bucket: l.Bucket, Models: c.load, Show: bars(out)}.Trace(ctx, c.Table, c.Key)
		var wrong lineage.KeyError
		if errors.As(err, &wrong) {
			return cli.Usage("%w", err)
		}
		if err != nil {
			return err
		}
		return printNodes(out, nodes)
	})
}

// printNodes prints a lineage: as a tree, or with all that is known of each node.
func printNodes(out *cli.Output, nodes []lineage.Node) error {
	if out.Format() == "table" {
		return out.Lines(tree(nodes))
	}
	var lines [][]any
	for _, n := range nodes {
		line, values := flat(n), make([]any, len(nodeColumns))
		for i, column := range nodeColumns {
			values[i] = line[column]
		}
		lines = append(lines, values)
	}
	return out.Table(nodeColumns, lines)
}

// tree draws a lineage: a node on a line of its own, so that its key can be copied, and below it what is known of the node.
func tree(nodes []lineage.Node) []string {
	var lines []string
	for _, n := range nodes {
		branch := ""
		if n.Depth > 0 {
			branch = strings.Repeat("· ", n.Depth-1) + "└ "
		}
		head := branch + string(n.Kind) + " " + n.Name
		if n.Rows != nil {
			head += fmt.Sprintf(": %d", *n.Rows)
		}
		if n.Others != nil {
			head += fmt.Sprintf(", and %d of other keys", *n.Others)
		}
		lines = append(lines, head)
		if about := about(n); about != "" {
			lines = append(lines, strings.Repeat("· ", n.Depth)+"    "+about)
		}
	}
	return lines
}

// about is what the tree says of a node: its times, and its detail.
func about(n lineage.Node) string {
	line := flat(n)
	var parts []string
	if from := line["from"]; from != nil {
		span := cli.Text(from)
		if to := cli.Text(line["to"]); to != span {
			span += " to " + to
		}
		parts = append(parts, span)
	}
	if at := line["committed_at"]; at != nil {
		parts = append(parts, "committed "+cli.Text(at))
	}
	if detail := detail(n); detail != "" {
		parts = append(parts, detail)
	}
	return strings.Join(parts, ", ")
}

// nodeColumns are those that JSON and CSV have of a node.
var nodeColumns = []string{
	"depth", "kind", "table", "name", "rows", "others", "from", "to", "model", "digest", "object", "version", "source_rows",
	"modified_at", "request_url", "fetched_at", "event", "outcome", "snapshot", "committed_at", "run", "made_by", "values",
}

// flat is a node by column; what it does not have is missing.
func flat(n lineage.Node) map[string]any {
	line := map[string]any{"depth": n.Depth, "kind": string(n.Kind), "table": n.Table, "name": n.Name, "rows": deref(n.Rows), "others": deref(n.Others)}
	if n.Days != nil {
		line["from"], line["to"] = n.Days.From.String(), n.Days.To.String()
	}
	if n.Observed != nil {
		line["from"], line["to"] = n.Observed.From, n.Observed.To
	}
	if n.Model != nil {
		line["model"], line["digest"] = n.Model.File, n.Model.Digest
	}
	if o := n.Source; o != nil {
		line["object"], line["version"], line["source_rows"], line["modified_at"] = o.Key, o.Version, o.Rows, o.ModifiedAt
		line["request_url"], line["fetched_at"] = orNil(o.RequestURL), orNil(o.FetchedAt)
		line["event"], line["outcome"] = orNil(o.Event), orNil(outcome(o))
	}
	if c := n.Commit; c != nil {
		line["snapshot"], line["committed_at"], line["run"], line["made_by"] = c.SnapshotID, c.At, orNil(c.Run), orNil(c.MadeBy)
	}
	if n.Values != nil {
		line["values"] = n.Values
	}
	return line
}

// outcome is the ledger's of an object, and whether the object is still there and gives these rows.
func outcome(o *lineage.SourceObject) string {
	switch {
	case o.Altered:
		return o.Outcome + "; the object gives other rows: another engine changed them (`reactor repair` takes that back)"
	case !o.Gone:
		return o.Outcome
	case o.Outcome == "":
		return "the object is gone"
	}
	return o.Outcome + "; the object is gone"
}

// detail is what the tree says of a node in words.
func detail(n lineage.Node) string {
	var parts []string
	say := func(what, text string) {
		if text != "" {
			parts = append(parts, strings.TrimSpace(what+" "+text))
		}
	}
	switch {
	case n.Model != nil:
		say("", n.Model.File)
		say("digest", n.Model.Digest[:12])
	case n.Source != nil:
		say("", outcome(n.Source))
		say("from", n.Source.RequestURL)
		say("fetched", n.Source.FetchedAt)
		if n.Commit != nil {
			say("run", n.Commit.Run)
		}
	case n.Commit != nil:
		say("snapshot", fmt.Sprint(n.Commit.SnapshotID))
		say("", n.Commit.MadeBy)
	}
	return strings.Join(parts, ", ")
}
