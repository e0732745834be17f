package gold

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/apache/arrow-go/v18/arrow/array"

	"millrace/reactor/duck"
)

// Load reads the embedded models and audits, and those of folder (models in it, audits in its subfolder audits) unless
// folder is empty. All that is wrong with any of them comes back joined, each a *Refusal.
func Load(ctx context.Context, inputs []Input, folder string) (*Set, error) {
	db, err := duck.Open(duck.Config{Threads: 1})
	if err != nil {
		return nil, fmt.Errorf("load gold's models: %w", err)
	}
	defer db.Close()
	conn, err := db.Connect()
	if err != nil {
		return nil, fmt.Errorf("load gold's models: %w", err)
	}
	defer conn.Close()
	l := &loader{conn: conn, models: map[string]*Model{}, tables: map[string]Input{}}
	for _, in := range inputs {
		l.tables[in.Name] = in
	}
	if err := l.read(ctx, own, "models", "audits", ours); err != nil {
		return nil, fmt.Errorf("load gold's models: %w", err)
	}
	if folder != "" {
		if _, err := os.Stat(folder); err != nil {
			return nil, fmt.Errorf("load the models of MILLRACE_MODELS: %w", err)
		}
		if err := l.read(ctx, os.DirFS(folder), ".", "audits", strings.TrimSuffix(folder, "/")+"/"); err != nil {
			return nil, fmt.Errorf("load the models of %s: %w", folder, err)
		}
	}
	set, err := l.settle(ctx, inputs)
	if err != nil {
		return nil, err
	}
	return set, nil
}

// ours is how the files are named that come with the program.
const ours = "reactor/gold/"

// loader collects models, and what is wrong with them.
type loader struct {
	conn   *duck.Conn
	known  functions
	tables map[string]Input // silver's
	models map[string]*Model
	trees  map[*Model]map[string]any
	audits []*Audit
	errs   []error
}

func (l *loader) read(ctx context.Context, folder fs.FS, models, audits, prefix string) error {
	names, texts, err := sqlFiles(folder, models)
	if err != nil {
		return err
	}
	for i, text := range texts {
		m, err := readModel(prefix+names[i], text)
		if err != nil {
			l.errs = append(l.errs, err)
			continue
		}
		if other, twice := l.models[m.Name]; twice {
			l.errs = append(l.errs, refuse(m.File, lineOf(text, "-- model"), "the model %s is defined in %s too: give this one another name", m.Name, other.File))
			continue
		}
		m.Ours = prefix == ours
		l.models[m.Name] = m
	}
	if names, texts, err = sqlFiles(folder, audits); err != nil {
		return err
	}
	for i, text := range texts {
		a, err := readAudit(prefix+names[i], text)
		if err != nil {
			l.errs = append(l.errs, err)
			continue
		}
		if j := slices.IndexFunc(l.audits, func(o *Audit) bool { return o.Name == a.Name }); j >= 0 {
			l.errs = append(l.errs, refuse(a.File, 1, "the audit %s is defined in %s too: give this one another name", a.Name, l.audits[j].File))
			continue
		}
		l.audits = append(l.audits, a)
	}
	return nil
}

// settle checks what was read and puts it in order.
func (l *loader) settle(ctx context.Context, inputs []Input) (*Set, error) {
	var err error
	if l.known, err = knownFunctions(ctx, l.conn); err != nil {
		return nil, fmt.Errorf("ask duckdb for its functions: %w", err)
	}
	if err := l.conn.Exec(ctx, "create schema silver; create schema gold"); err != nil {
		return nil, err
	}
	for _, in := range inputs {
		if err := l.conn.Exec(ctx, createTable(in.Name, in.Columns)); err != nil {
			return nil, fmt.Errorf("make an empty %s: %w", in.Name, err)
		}
	}
	l.trees = map[*Model]map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(l.models)) {
		m := l.models[name]
		l.trees[m], m.Inputs = l.parse(ctx, m.File, m.SQL)
		if l.trees[m] != nil && len(m.Inputs) == 0 {
			c := check{file: m.File, sql: m.SQL, known: l.known}
			if errs := c.run(l.trees[m]); len(errs) > 0 { // such as that it reads a file
				l.errs = append(l.errs, errs...)
				continue
			}
			l.errs = append(l.errs, refuse(m.File, 1, "it reads no table: a model selects from silver or gold tables"))
		}
	}
	for _, a := range l.audits {
		l.audit(ctx, a)
	}
	if err := errors.Join(l.errs...); err != nil {
		return nil, err // what follows builds on every model being readable
	}
	set := &Set{Inputs: inputs}
	if set.Models, err = l.order(); err != nil {
		return nil, err
	}
	// What builds on a model that is wrong would only be told that its table is not there.
	wrong := map[string]bool{}
	for _, m := range set.Models {
		if slices.ContainsFunc(m.Inputs, func(in string) bool { return wrong[in] }) {
			wrong[m.Name] = true
			continue
		}
		before := len(l.errs)
		l.finish(ctx, m)
		wrong[m.Name] = len(l.errs) > before
	}
	for _, a := range l.audits {
		if !wrong[a.Of] {
			l.bindAudit(ctx, a)
		}
	}
	set.Audits = l.audits
	if err := errors.Join(l.errs...); err != nil {
		return nil, err
	}
	return set, nil
}

// parse gives a statement's tree and the tables it reads, and notes the tables that are not there.
func (l *loader) parse(ctx context.Context, file, sql string) (map[string]any, []string) {
	raw, err := l.conn.Parse(ctx, sql)
	if err != nil {
		l.errs = append(l.errs, l.sqlRefusal(file, sql, err))
		return nil, nil
	}
	tree, err := readTree(raw)
	if err != nil {
		l.errs = append(l.errs, refuse(file, 1, "%v", err))
		return nil, nil
	}
	var inputs []string
	for _, t := range tables(tree) {
		name := fullName(t)
		_, silver := l.tables[name]
		_, gold := l.models[name]
		switch {
		case silver || gold:
			inputs = append(inputs, name)
		case strings.HasPrefix(name, silverPrefix) || strings.HasPrefix(name, goldPrefix):
			l.errs = append(l.errs, refuse(file, line(sql, t), "there is no table %s: there are %s", name, strings.Join(l.names(), ", ")))
		default:
			l.errs = append(l.errs, refuse(file, line(sql, t), "%q in from: a model reads tables of silver and gold, written silver.<table> or gold.<table>, and nothing else", name))
		}
	}
	slices.Sort(inputs)
	return tree, slices.Compact(inputs)
}

func (l *loader) names() []string {
	return append(slices.Sorted(maps.Keys(l.tables)), slices.Sorted(maps.Keys(l.models))...)
}

var pivoted = regexp.MustCompile(`(?i)\bpivot`)

// sqlRefusal gives DuckDB's own message the file's name and line.
func (l *loader) sqlRefusal(file, sql string, err error) error {
	var d *duck.Error
	if !errors.As(err, &d) {
		return err
	}
	switch {
	case strings.Contains(d.Message, "can be serialized to json"):
		return refuse(file, 1, "a model or an audit is one select: it says which rows there are, and inserts, creates and changes nothing")
	case strings.HasPrefix(d.Message, "one statement is wanted") && pivoted.MatchString(sql):
		return refuse(file, 1, "a pivot without the list of its values has other columns for other rows: write pivot … on x in ('a', 'b') using …")
	}
	n := 1
	if _, after, ok := strings.Cut(d.Message, "\nLINE "); ok {
		_, _ = fmt.Sscanf(after, "%d", &n) // stays 1 when DuckDB says no line
	}
	return refuse(file, n, "%s", d.Message)
}

func (l *loader) audit(ctx context.Context, a *Audit) {
	m, ok := l.models[a.Of]
	if !ok {
		l.errs = append(l.errs, refuse(a.File, lineOf(a.SQL, "-- of"), "there is no model %s: there are %s", a.Of, strings.Join(slices.Sorted(maps.Keys(l.models)), ", ")))
		return
	}
	var tree map[string]any
	if tree, a.Inputs = l.parse(ctx, a.File, a.SQL); tree == nil {
		return
	}
	c := check{file: a.File, sql: a.SQL, known: l.known, audit: true}
	l.errs = append(l.errs, c.run(tree)...)
	for _, in := range a.Inputs {
		if in != a.Of && !slices.Contains(m.Inputs, in) {
			l.errs = append(l.errs, refuse(a.File, 1, "it reads %s: an audit of %s sees that table and what its model reads (%s), for only those rows are at hand", in, a.Of, strings.Join(m.Inputs, ", ")))
		}
	}
}

// bindAudit checks an audit's columns, once all tables are there.
func (l *loader) bindAudit(ctx context.Context, a *Audit) {
	columns, err := l.describe(ctx, a.File, a.SQL)
	if err != nil {
		l.errs = append(l.errs, err)
		return
	}
	if !hasDay(columns) {
		l.errs = append(l.errs, refuse(a.File, 1, "it selects no column %s of type date: an audit looks at the days that were written, and tells them by it", Day))
	}
}

// describe gives a statement's columns, and makes sure that it can be run as the subquery that Compute makes of it.
func (l *loader) describe(ctx context.Context, file, sql string) ([]duck.Column, error) {
	columns, err := l.conn.Describe(ctx, sql)
	if err != nil {
		return nil, l.sqlRefusal(file, sql, err)
	}
	if _, err := l.conn.Describe(ctx, "select * from "+subquery(sql)); err != nil {
		return nil, refuse(file, 1, "it cannot be read as a subquery (%v): end the file at the statement's end", err)
	}
	return columns, nil
}

func hasDay(columns []duck.Column) bool {
	return slices.Contains(columns, duck.Column{Name: Day, Type: "DATE"})
}

// order sorts the models so that each comes after those it reads; among those that may come next, by lookback and name.
func (l *loader) order() ([]*Model, error) {
	var out []*Model
	done, open := map[string]bool{}, map[string]bool{}
	var path []string
	var visit func(name string) error
	visit = func(name string) error {
		m, isModel := l.models[name]
		if !isModel || done[name] {
			return nil
		}
		path = append(path, name)
		defer func() { path = path[:len(path)-1] }()
		if open[name] {
			from := slices.Index(path, name)
			return refuse(m.File, 1, "the models read each other in a circle, %s: take one of these out", strings.Join(path[from:], " → "))
		}
		open[name] = true
		for _, in := range m.Inputs {
			if err := visit(in); err != nil {
				return err
			}
		}
		done[name] = true
		out = append(out, m)
		return nil
	}
	// What looks back far takes long to compute. It comes before its equals, so that its rows are compared and written while
	// they are computed.
	names := slices.SortedFunc(maps.Keys(l.models), func(a, b string) int {
		return cmp.Or(cmp.Compare(l.models[b].Lookback, l.models[a].Lookback), cmp.Compare(a, b))
	})
	for _, name := range names {
		if err := visit(name); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// finish holds a model against the rules, gives it its columns and digest, and makes its empty table for those after it.
func (l *loader) finish(ctx context.Context, m *Model) {
	digest := sha256.New()
	digest.Write([]byte(logic(m.SQL) + "\n"))
	c := check{file: m.File, sql: m.SQL, known: l.known, lookback: m.Lookback}
	for _, in := range m.Inputs {
		if up, ok := l.models[in]; ok {
			digest.Write([]byte(in + " " + up.Digest + "\n"))
			c.keys = append(c.keys, up.Grain)
		} else {
			c.keys = append(c.keys, l.tables[in].Key)
		}
	}
	m.Digest = hex.EncodeToString(digest.Sum(nil))
	l.errs = append(l.errs, c.run(l.trees[m])...)

	columns, err := l.describe(ctx, m.File, m.SQL)
	if err != nil {
		l.errs = append(l.errs, err)
		return
	}
	m.Columns = columns
	l.columns(m)
	if err := l.conn.Exec(ctx, createTable(m.Name, columns)); err != nil {
		l.errs = append(l.errs, refuse(m.File, 1, "its table cannot be made: %v", err))
	}
}

func (l *loader) columns(m *Model) {
	wrong := func(format string, args ...any) { l.errs = append(l.errs, refuse(m.File, 1, format, args...)) }
	seen := map[string]bool{}
	for _, c := range m.Columns {
		if !columnName.MatchString(c.Name) {
			wrong("it selects a column named %q: name it with small letters, digits and underscores, `… as my_column`", c.Name)
		}
		if seen[c.Name] {
			wrong("it selects two columns named %s: rename one, `… as other_name`", c.Name)
		}
		seen[c.Name] = true
		if _, err := icebergType(c.Type); err != nil {
			wrong("column %s: %v", c.Name, err)
		}
	}
	for _, g := range m.Grain {
		if !seen[g] {
			wrong("the grain names %s, which the model does not select: add the column, or take it out of the grain", g)
		}
	}
	for _, c := range slices.Sorted(maps.Keys(m.Docs)) {
		if !seen[c] {
			wrong("the header documents the column %s, which the model does not select: take the line out, or name one of its columns", c)
		}
	}
	if seen[Day] && !hasDay(m.Columns) {
		wrong("its column %s is no date: write `cast(… as date) as %s`", Day, Day)
	}
}

// createTable makes an empty table of those columns.
func createTable(name string, columns []duck.Column) string {
	parts := make([]string, len(columns))
	for i, c := range columns {
		parts[i] = duck.Identifier(c.Name) + " " + c.Type
	}
	return "create table " + name + " (" + strings.Join(parts, ", ") + ")"
}

// knownFunctions asks DuckDB which of its functions are aggregates, and which may give another result at the next call.
func knownFunctions(ctx context.Context, conn *duck.Conn) (functions, error) {
	f := functions{aggregates: map[string]bool{}, volatile: map[string]bool{}}
	rows, err := conn.Query(ctx, "select distinct function_name, function_type = 'aggregate' as agg, coalesce(stability, 'CONSISTENT') <> 'CONSISTENT' as vol from duckdb_functions() where function_type in ('aggregate', 'scalar')")
	if err != nil {
		return f, err
	}
	defer rows.Close()
	for b, err := range rows.All() {
		if err != nil {
			return f, err
		}
		for i := range int(b.NumRows()) {
			name := strings.Clone(b.Column(0).(*array.String).Value(i))
			if b.Column(1).(*array.Boolean).Value(i) {
				f.aggregates[name] = true
			}
			if b.Column(2).(*array.Boolean).Value(i) {
				f.volatile[name] = true
			}
		}
	}
	return f, nil
}
