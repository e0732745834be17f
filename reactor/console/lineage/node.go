package lineage

import (
	"maps"
	"slices"
	"strings"
	"time"

	of "millrace/reactor/lineage"
)

// Node is a line of a row's lineage. What its kind does not have is null or missing.
type Node struct {
	Depth  int    `json:"depth"`
	Kind   string `json:"kind"`
	Table  string `json:"table"`
	Name   string `json:"name"`
	Rows   *int64 `json:"rows"`
	Others *int64 `json:"others"`
	// From and To are days, or the times of an object's rows.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// Object is a key in bronze, with its version, request and outcome.
	Object    string  `json:"object,omitempty"`
	Version   string  `json:"version,omitempty"`
	Gone      bool    `json:"gone,omitempty"`
	Request   string  `json:"request_url,omitempty"`
	FetchedAt string  `json:"fetched_at,omitempty"`
	Outcome   string  `json:"outcome,omitempty"`
	Commit    *Commit `json:"commit,omitempty"`
	// Values are the row's, by column.
	Values []Value `json:"values,omitempty"`
}

// Commit is the snapshot that shows something.
type Commit struct {
	Snapshot int64     `json:"snapshot"`
	At       time.Time `json:"committed_at"`
	Run      string    `json:"run,omitempty"`
	MadeBy   string    `json:"made_by,omitempty"`
}

// Value is one of a row's.
type Value struct {
	Column string `json:"column"`
	Value  any    `json:"value"`
}

// Indent moves a line to the right by its depth.
func (n Node) Indent() string { return strings.Repeat("· ", n.Depth) }

func nodeOf(n of.Node) Node {
	node := Node{Depth: n.Depth, Kind: string(n.Kind), Table: n.Table, Name: n.Name, Rows: n.Rows, Others: n.Others}
	if n.Days != nil {
		node.From, node.To = n.Days.From.String(), n.Days.To.String()
	}
	if n.Observed != nil {
		node.From, node.To = n.Observed.From.UTC().Format(time.RFC3339), n.Observed.To.UTC().Format(time.RFC3339)
	}
	if o := n.Source; o != nil {
		node.Object, node.Version, node.Gone, node.Request, node.FetchedAt, node.Outcome = o.Key, o.Version, o.Gone, o.RequestURL, o.FetchedAt, o.Outcome
	}
	if c := n.Commit; c != nil {
		node.Commit = &Commit{Snapshot: c.SnapshotID, At: c.At, Run: c.Run, MadeBy: c.MadeBy}
	}
	for _, column := range slices.Sorted(maps.Keys(n.Values)) {
		node.Values = append(node.Values, Value{column, n.Values[column]})
	}
	return node
}
