package main

import (
	"fmt"
	"slices"
	"strings"

	"millrace/infra/cli"
)

// node is a line of a lineage.
type node struct {
	depth                                              int
	kind, table, name                                  string
	rows, others                                       any
	from, to                                           any
	model, digest                                      any
	object, version, sourceRows                        any
	modifiedAt, requestURL, fetchedAt                  any
	event, outcome, snapshot, committedAt, run, madeBy any
	values                                             any
}

// printNodes prints a lineage: as a tree, or with all that is known of each line.
func printNodes(out *cli.Output, nodes []node) error {
	var lines [][]any
	if out.Format() == "table" {
		for _, n := range nodes {
			branch := ""
			if n.depth > 0 {
				branch = strings.Repeat("· ", n.depth-1) + "└ "
			}
			lines = append(lines, []any{branch + n.kind + " " + n.name, n.rows, n.others, n.from, n.to, n.committedAt, n.detail()})
		}
		return out.Table([]string{"lineage", "rows", "others", "from", "to", "committed_at", "detail"}, lines)
	}
	for _, n := range nodes {
		lines = append(lines, []any{n.depth, n.kind, n.table, n.name, n.rows, n.others, n.from, n.to, n.model, n.digest, n.object, n.version, n.sourceRows,
			n.modifiedAt, n.requestURL, n.fetchedAt, n.event, n.outcome, n.snapshot, n.committedAt, n.run, n.madeBy, n.values})
	}
	return out.Table([]string{"depth", "kind", "table", "name", "rows", "others", "from", "to", "model", "digest", "object", "version", "source_rows",
		"modified_at", "request_url", "fetched_at", "event", "outcome", "snapshot", "committed_at", "run", "made_by", "values"}, lines)
}

// detail is what the tree says of a line in words.
func (n node) detail() string {
	var parts []string
	say := func(what string, v any) {
		if v != nil && v != "" {
			parts = append(parts, strings.TrimSpace(fmt.Sprintf("%s %v", what, v)))
		}
	}
	switch n.kind {
	case "model":
		say("", n.model)
		say("digest", n.digest.(string)[:12])
	case "object":
		say("", n.outcome)
		say("from", n.requestURL)
		say("fetched", n.fetchedAt)
		say("run", n.run)
	default:
		say("snapshot", n.snapshot)
		say("", n.madeBy)
	}
	return strings.Join(slices.Compact(parts), ", ")
}
