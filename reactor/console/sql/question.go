package sql

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/apache/iceberg-go/table"

	"millrace/infra/cli"
	"millrace/reactor/console/web"
	"millrace/reactor/lake"
)

// Question is a query, and when the lake is read.
type Question struct {
	SQL string `json:"sql"`
	// Ref is a branch or a tag, and AsOf a time, a day or the number of a snapshot; at most one of them is there.
	Ref  string `json:"ref,omitempty"`
	AsOf string `json:"as_of,omitempty"`
}

func questionOf(v url.Values) (Question, error) {
	q := Question{SQL: strings.TrimSpace(v.Get("sql")), Ref: strings.TrimSpace(v.Get("ref")), AsOf: strings.TrimSpace(v.Get("as-of"))}
	if q.Ref != "" && q.AsOf != "" {
		return q, web.BadRequest("a query reads a branch or tag (%s) or as of a time (%s): leave one of them out", q.Ref, q.AsOf)
	}
	return q, nil
}

// when is what `reactor query` calls --as-of.
func (q Question) when() string { return cmp.Or(q.Ref, q.AsOf) }

// values are the question in an address.
func (q Question) values() url.Values {
	v := url.Values{"sql": {q.SQL}}
	if q.Ref != "" {
		v.Set("ref", q.Ref)
	}
	if q.AsOf != "" {
		v.Set("as-of", q.AsOf)
	}
	return v
}

func (q Question) command() string {
	words := []string{"reactor", "query"}
	if when := q.when(); when != "" {
		words = append(words, "--as-of", when)
	}
	return cli.ShellLine(append(words, cmp.Or(q.SQL, "show tables"))...)
}

// CSV and Parquet are the addresses of all rows as a file.
func (q Question) CSV() string { return "/sql.csv?" + q.values().Encode() }

// Parquet is that of a Parquet file.
func (q Question) Parquet() string { return "/sql.parquet?" + q.values().Encode() }

// Refs are the names that a query can read the lake by, beside times.
type Refs struct {
	Branches []string
	Tags     []string
}

// mostTags bounds the list of a picker. Each day has a tag; older ones can be typed.
const mostTags = 100

// refs lists the branches of replays, and the tags of all tables, the last of their names first.
func (p *Pages) refs(ctx context.Context, view *lake.View) (Refs, error) {
	var found Refs
	branches, err := p.lake.Branches(ctx)
	if err != nil {
		return found, err
	}
	for _, b := range branches {
		found.Branches = append(found.Branches, b.Name)
	}
	for _, t := range view.Tables {
		for name, ref := range t.Meta.Refs() {
			if ref.SnapshotRefType == table.TagRef {
				found.Tags = append(found.Tags, name)
			}
		}
	}
	slices.Sort(found.Tags)
	found.Tags = slices.Compact(found.Tags)
	slices.Reverse(found.Tags)
	found.Tags = found.Tags[:min(len(found.Tags), mostTags)]
	return found, nil
}
