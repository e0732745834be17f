package infer

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// quoted writes a text as YAML, with quotes where it needs them.
func quoted(text string) string {
	out, err := yaml.Marshal(text)
	if err != nil || strings.ContainsAny(text, "{}[],#\"'") || strings.Count(string(out), "\n") > 1 {
		return "'" + strings.ReplaceAll(strings.ReplaceAll(text, "\n", " "), "'", "''") + "'"
	}
	return strings.TrimSpace(string(out))
}

// yaml writes the proposal, with comments on what is unsure.
func (p *proposal) yaml() string {
	var b strings.Builder
	source, dataset, _ := strings.Cut(p.name, "/")
	fmt.Fprintf(&b, "# Proposed from %d rows of %d payloads. Read each line that ends in a comment; then run `reactor dataset check` and `reactor dataset try`.\n", p.rows, p.objects)
	for _, n := range p.notes {
		fmt.Fprintf(&b, "# %s\n", n)
	}
	if p.dropped > 0 {
		fmt.Fprintf(&b, "# More than %d values a row: the others stay in the column extra.\n", maxLeaves)
	}
	fmt.Fprintf(&b, "name: %s\ntable: %s\n", quoted(p.name), word(source+"_"+dataset))
	fmt.Fprintf(&b, "key: [%s]", strings.Join(p.key, ", "))
	if len(p.others) > 0 {
		fmt.Fprintf(&b, "  # %s would do as well", strings.Join(p.others, " or "))
	}
	b.WriteString("\npartition: month\nwinner: latest\nunknown: extra\n")
	p.writeRows(&b)
	b.WriteString("fields:\n")
	p.writeTime(&b)
	for _, l := range p.leaves {
		if l != p.time {
			p.writeField(&b, l)
		}
	}
	return b.String()
}

func (p *proposal) writeRows(b *strings.Builder) {
	if len(p.at) == 0 && !p.list && !p.one {
		return
	}
	b.WriteString("rows:\n")
	if len(p.at) > 0 {
		fmt.Fprintf(b, "  at: %s\n", quoted(path(p.at)))
	}
	if p.list {
		b.WriteString("  each: list\n")
	}
	if p.one && len(p.at) == 0 {
		fmt.Fprintf(b, "  one: %s  # the field that tells such an object from an error's\n", quoted(p.lone()))
	}
}

// lone is a field that an object which is one row always has.
func (p *proposal) lone() string {
	for _, k := range p.key {
		if k != "observed_at" {
			return k
		}
	}
	for _, l := range p.leaves {
		if l.seen-l.nulls == p.rows {
			if l == p.time {
				return "observed_at"
			}
			return l.column
		}
	}
	return "observed_at"
}

func (p *proposal) writeTime(b *strings.Builder) {
	t := p.time
	switch t.column {
	case "nowhere":
		fmt.Fprintf(b, "  - {column: observed_at, type: time, required: true, from: {ingest_date: true}}  # %s\n", t.doubt)
		return
	case "around":
		fmt.Fprintf(b, "  - {column: observed_at, type: %s, required: true, from: {envelope: %s}}  # %s\n", timeType(t), quoted(t.path), t.doubt)
		return
	}
	fmt.Fprintf(b, "  - {column: observed_at, path: %s, type: %s, required: true}", quoted(t.path), timeType(t))
	if t.doubt != "" {
		fmt.Fprintf(b, "  # %s", t.doubt)
	}
	b.WriteString("\n")
}

func timeType(l *leaf) string {
	if l.typ == "date" {
		return "time"
	}
	return l.typ
}

func (p *proposal) writeField(b *strings.Builder, l *leaf) {
	parts := []string{"column: " + l.column}
	if l.path != "" && l.path != l.column {
		parts = append(parts, "path: "+quoted(l.path))
	}
	parts = append(parts, "type: "+quoted(l.typ))
	if slices.Contains(p.key, l.column) {
		parts = append(parts, "required: true")
	}
	if l.path == "" {
		parts = append(parts, "from: {list_name: true}")
	}
	fmt.Fprintf(b, "  - {%s}", strings.Join(parts, ", "))
	var doubts []string
	if l.doubt != "" {
		doubts = append(doubts, l.doubt)
	}
	if some := l.seen - l.nulls; some < p.rows {
		doubts = append(doubts, fmt.Sprintf("in %d of %d rows", some, p.rows))
	}
	if len(doubts) > 0 {
		fmt.Fprintf(b, "  # %s", strings.Join(doubts, "; "))
	}
	b.WriteString("\n")
}
