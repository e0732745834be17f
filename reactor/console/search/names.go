package search

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/iceberg-go/table"

	"millrace/reactor/lake"
)

// tables finds tables and their columns.
func (p *Pages) tables(_ context.Context, view *lake.View, text string) (hits []Hit, err error) {
	for _, name := range slices.Sorted(maps.Keys(view.Tables)) {
		_, own, _ := strings.Cut(name, ".")
		hits = append(hits, Hit{Kind: "table", Name: name, Path: "/tables/" + name, rank: min(rankOf(text, name, ""), rankOf(text, own, ""))})
		for _, c := range view.Tables[name].Meta.CurrentSchema().Fields() {
			whole := name + "." + c.Name
			hits = append(hits, Hit{
				Kind: "column", Name: whole, Text: c.Doc, Path: "/tables/" + name + "#column-" + url.PathEscape(c.Name),
				rank: min(rankOf(text, c.Name, c.Doc), rankOf(text, whole, c.Doc)),
			})
		}
	}
	return hits, nil
}

// inModels finds models and their audits, by name and by file.
func (p *Pages) inModels(_ context.Context, _ *lake.View, text string) (hits []Hit, err error) {
	for _, m := range p.models.Models {
		hits = append(hits, Hit{
			Kind: "model", Name: m.File, Text: "makes " + m.Name + " of " + strings.Join(m.Inputs, ", "), Path: "/lineage?table=" + url.QueryEscape(m.Name),
			rank: min(rankOf(text, m.File, m.Name), rankOf(text, m.Name, ""), rankOf(text, m.Table(), "")),
		})
	}
	for _, a := range p.models.Audits {
		hits = append(hits, Hit{Kind: "model", Name: a.Name, Text: "an audit of " + a.Of, Path: "/lineage?table=" + url.QueryEscape(a.Of), rank: rankOf(text, a.Name, "")})
	}
	return hits, nil
}

var digits = regexp.MustCompile(`^[0-9]{3,}$`)

// snapshots finds snapshots by the first digits of their number, and by the names of tags and branches.
func (p *Pages) snapshots(_ context.Context, view *lake.View, text string) (hits []Hit, err error) {
	refs := map[string]string{} // the table in which a name was seen first
	for _, name := range slices.Sorted(maps.Keys(view.Tables)) {
		t := view.Tables[name]
		if digits.MatchString(text) {
			for _, s := range t.Meta.Snapshots() {
				number := strconv.FormatInt(s.SnapshotID, 10)
				hits = append(hits, Hit{
					Kind: "snapshot", Name: number, Text: name + ", committed " + time.UnixMilli(s.TimestampMs).UTC().Format(time.DateTime) + " UTC",
					Path: "/tables/" + name + "?at=" + number, rank: rankOf(text, number, ""),
				})
			}
		}
		for ref, to := range t.Meta.Refs() {
			if ref == lake.Main || refs[ref] != "" {
				continue
			}
			refs[ref] = name
			h := Hit{Kind: "snapshot", Name: ref, Text: "a tag", Path: "/sql?ref=" + url.QueryEscape(ref), rank: rankOf(text, ref, "")}
			if to.SnapshotRefType == table.BranchRef {
				h.Text, h.Path = "a branch", "/replay/branch/"+url.PathEscape(ref)
			}
			hits = append(hits, h)
		}
	}
	return hits, nil
}

// inAssets finds assets by id, symbol and name.
func (p *Pages) inAssets(ctx context.Context, view *lake.View, text string) (hits []Hit, err error) {
	all, err := p.assets.of(ctx, view)
	if err != nil {
		return nil, err
	}
	for _, a := range all {
		rank := min(rankOf(text, a.id, ""), rankOf(text, a.symbol, ""), rankOf(text, a.name, ""))
		if rank == none {
			continue
		}
		hits = append(hits, Hit{Kind: "asset", Name: a.id, Text: strings.TrimSpace(a.name + " " + a.symbol), Path: "/market/" + url.PathEscape(a.id), rank: rank})
	}
	return hits, nil
}

// objects finds objects by the beginning of their key, or of their name among those of the last days.
func (p *Pages) objects(ctx context.Context, _ *lake.View, text string) (hits []Hit, err error) {
	seen := map[string]bool{}
	prefixes, err := p.prefixes(ctx, text)
	if err != nil {
		return nil, err
	}
	for _, prefix := range prefixes {
		keys, err := p.lake.KeysFrom(ctx, prefix, mostOfAKind)
		if err != nil {
			return nil, err
		}
		for _, key := range keys {
			if seen[key] {
				continue
			}
			seen[key] = true
			h := Hit{Kind: "object", Name: key, Path: "/bronze/object?key=" + url.QueryEscape(key), rank: begins}
			if key == text {
				h.rank = exact
			}
			hits = append(hits, h)
		}
		if len(hits) >= mostOfAKind {
			return hits, nil
		}
	}
	return hits, nil
}

const (
	// root is where bronze's keys begin.
	root = "bronze/"
	// lastDays is among how many days before the newest object a name alone is looked for.
	lastDays = 7
)

// prefixes are the beginnings of keys that a person may mean: a key, one without its first folder, a day, or a name of the last days.
func (p *Pages) prefixes(ctx context.Context, text string) ([]string, error) {
	if strings.HasPrefix(text, root) || strings.HasPrefix(root, text) {
		return []string{text}, nil
	}
	if strings.Contains(text, "/") {
		return []string{root + text}, nil
	}
	if len(text) < 2 {
		return nil, nil // a letter begins half of all names
	}
	all := []string{root + text}
	newest, err := p.newestDays(ctx)
	if err != nil {
		return nil, err
	}
	for dataset, day := range newest {
		if days.MatchString(text) {
			all = append(all, root+dataset+"/ingest_date="+text)
			continue
		}
		for n := range lastDays {
			all = append(all, fmt.Sprintf("%s%s/ingest_date=%s/%s", root, dataset, day.Add(-n), text))
		}
	}
	slices.Sort(all) // a map has no order
	return all, nil
}

// days is how a day begins.
var days = regexp.MustCompile(`^[0-9]{4}(-[0-9-]*)?$`)
