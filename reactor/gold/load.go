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

	"millrace/reactor/namespace"

	"github.com/apache/arrow-go/v18/arrow/array"

	"millrace/reactor/duck"
)

// Load reads the embedded models and audits, and those of folder (audits in its subfolder audits) unless folder is empty. It
// returns all faults joined, each as a *Refusal.
func Load(ctx context.Context, inputs []Input, folder string) (*Set, error) {
	conn, done, err := duck.OpenConn(duck.Config{Threads: 1})
	if err != nil {
		return nil, fmt.Errorf("load gold's models: %w", err)
	}
	defer done()
	l := newLoader(conn, inputs)
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

// ours is where the embedded files lie in the repository; refusals name it.
const ours = "reactor/gold/"

// loader collects models and their faults.
type loader struct {
	conn   *duck.Conn
	known  functions
	tables map[string]Input // silver's
	models map[string]*Model
	trees  map[*Model]map[string]any
	audits []*Audit
	errs   []error
}

func newLoader(conn *duck.Conn, inputs []Input) *loader {
	l := &loader{conn: conn, models: map[string]*Model{}, tables: map[string]Input{}}
	for _, in := range inputs {
		l.tables[in.Name] = in
	}
	return l
}

func (l *loader) read(ctx context.Context, folder fs.FS, models, audits, prefix string) error {
	names, texts, err := sqlFiles(folder, models)
	if err != nil {
		return err
	}
	for i, text := range texts {
		l.model(prefix+names[i], text, prefix == ours)
	}
	if names, texts, err = sqlFiles(folder, audits); err != nil {
		return err
	}
	for i, text := range texts {
		l.auditFile(prefix+names[i], text)
	}
	return nil
}

// model takes the text of a model's file.
func (l *loader) model(file, text string, ours bool) {
	m, err := readModel(file, text)
	if err != nil {
		l.errs = append(l.errs, err)
		return
	}
	if other, twice := l.models[m.Name]; twice {
		l.errs = append(l.errs, refuse(m.File, lineOf(text, "-- model"), "the model %s is also defined in %s: give this one another name", m.Name, other.File))
		return
	}
	m.Ours = ours
	l.models[m.Name] = m
}

// auditFile takes the text of an audit's file.
func (l *loader) auditFile(file, text string) {
	a, err := readAudit(file, text)
	if err != nil {
		l.errs = append(l.errs, err)
		return
	}
	if i := slices.IndexFunc(l.audits, func(o *Audit) bool { return o.Name == a.Name }); i >= 0 {
		l.errs = append(l.errs, refuse(a.File, 1, "the audit %s is also defined in %s: give this one another name", a.Name, l.audits[i].File))
		return
	}
	l.audits = append(l.audits, a)
}

// settle checks the models and audits that were read, and sorts them.
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
			if errs := c.run(l.trees[m]); len(errs) > 0 { // such as reading a file
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
		return nil, err // the next checks need every model to be readable
	}
	set := &Set{Inputs: inputs, Uses: map[string][]string{}}
	if set.Models, err = l.order(); err != nil {
		return nil, err
	}
	// Models that read a wrong model would only hear that its table is missing.
	wrong := map[string]bool{}
	for _, m := range set.Models {
		if slices.ContainsFunc(m.Inputs, func(in string) bool { return wrong[in] }) {
			wrong[m.Name] = true
			continue
		}
		set.addUses(m.Inputs, l.trees[m])
		before := len(l.errs)
		l.finish(ctx, m)
		wrong[m.Name] = len(l.errs) > before
	}
	for _, a := range l.audits {
		set.addUses(a.Inputs, a.tree)
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

// parse returns a statement's tree and the tables it reads, and refuses tables that do not exist.
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
		case namespace.Silver.Has(name) || namespace.Gold.Has(name):
			l.errs = append(l.errs, refuse(file, line(sql, t), "there is no table %s: there are %s", name, strings.Join(l.names(), ", ")))
		default:
			l.errs = append(l.errs, refuse(file, line(sql, t), "%q in from: a model reads only tables of silver and gold, written silver.<table> or gold.<table>", name))
		}
	}
	slices.Sort(inputs)
	return tree, slices.Compact(inputs)
}

func (l *loader) names() []string {
	return append(slices.Sorted(maps.Keys(l.tables)), slices.Sorted(maps.Keys(l.models))...)
}

var pivoted = regexp.MustCompile(`(?i)\bpivot`)

// sqlRefusal adds the file's name and line to DuckDB's own message.
func (l *loader) sqlRefusal(file, sql string, err error) error {
	var d *duck.Error
	if !errors.As(err, &d) {
		return err
	}
	switch {
	case strings.Contains(d.Message, "can be serialized to json"):
		return refuse(file, 1, "a model or an audit is one select: it names the rows of the table, and inserts, creates and changes nothing")
	case strings.HasPrefix(d.Message, "expected one statement") && pivoted.MatchString(sql):
		return refuse(file, 1, "a pivot without a list of values gets other columns from other rows: write pivot … on x in ('a', 'b') using …")
	}
	n := 1
	if _, after, ok := strings.Cut(d.Message, "\nLINE "); ok {
		_, _ = fmt.Sscanf(after, "%d", &n) // stays 1 if DuckDB names no line
	}
	return refuse(file, n, "%s", d.Message)
}

func (l *loader) audit(ctx context.Context, a *Audit) {
	m, ok := l.models[a.Of]
	if !ok {
		l.errs = append(l.errs, refuse(a.File, lineOf(a.SQL, "-- of"), "there is no model %s: there are %s", a.Of, strings.Join(slices.Sorted(maps.Keys(l.models)), ", ")))
		return
	}
	tree, inputs := l.parse(ctx, a.File, a.SQL)
	if a.Inputs, a.tree = inputs, tree; tree == nil {
		return
	}
	c := check{file: a.File, sql: a.SQL, known: l.known, audit: true}
	l.errs = append(l.errs, c.run(tree)...)
	for _, in := range a.Inputs {
		if in != a.Of && !slices.Contains(m.Inputs, in) {
			l.errs = append(l.errs, refuse(a.File, 1, "it reads %s: an audit of %s sees only that table and its model's inputs (%s)", in, a.Of, strings.Join(m.Inputs, ", ")))
		}
	}
}

// bindAudit checks an audit's columns. All tables must exist.
func (l *loader) bindAudit(ctx context.Context, a *Audit) {
	columns, err := l.describe(ctx, a.File, a.SQL)
	if err != nil {
		l.errs = append(l.errs, err)
		return
	}
	if !hasDay(columns) {
		l.errs = append(l.errs, refuse(a.File, 1, "it selects no column %s of type date: an audit checks the days that were written, and needs it to tell them", Day))
	}
}

// describe returns a statement's columns, and checks that it works as a subquery, as Compute runs it.
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
			return refuse(m.File, 1, "the models read each other in a circle, %s: remove one of these reads", strings.Join(path[from:], " → "))
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

// finish checks a model against the rules, sets its columns and digest, and makes its empty table for the models after it.
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
			wrong("it selects a column named %q: use small letters, digits and underscores, `… as my_column`", c.Name)
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
			wrong("the grain names %s, which the model does not select: add the column, or remove it from the grain", g)
		}
	}
	for _, c := range slices.Sorted(maps.Keys(m.Docs)) {
		if !seen[c] {
			wrong("the header documents the column %s, which the model does not select: remove the line, or name one of the model's columns", c)
		}
	}
	if seen[Day] && !hasDay(m.Columns) {
		wrong("its column %s is not a date: write `cast(… as date) as %s`", Day, Day)
	}
}

// createTable returns the statement that makes an empty table with the columns.
func createTable(name string, columns []duck.Column) string {
	parts := make([]string, len(columns))
	for i, c := range columns {
		parts[i] = duck.Identifier(c.Name) + " " + c.Type
	}
	return "create table " + name + " (" + strings.Join(parts, ", ") + ")"
}

// knownFunctions asks DuckDB which of its functions are aggregates, and which may return another result at the next call.
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
