// Package gold computes the gold tables. Each is a SQL model that DuckDB runs in process over rows that the caller loads. The
// package reads the models, refuses those whose result would depend on the order of their input, makes their Iceberg schemas,
// and computes and audits the days that a plan names. It touches neither storage nor network.
package gold

import (
	"bytes"
	"context"
	"embed"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"millrace/reactor/namespace"

	"millrace/reactor/duck"
	"millrace/reactor/gold/plan"
)

//go:embed models/*.sql audits/*.sql
var own embed.FS

const (
	// Day is the column that every gold table has: a UTC date, the unit of change and of partitioning.
	Day = "day"
	// SilverTime is the column of a row's time in all silver tables.
	SilverTime = "observed_at"
	// SilverDay is the SQL for the UTC day of that time. A plain cast of a time with a zone uses ICU's calendar and takes ten times
	// as long.
	SilverDay = "cast(make_timestamp(epoch_us(" + SilverTime + ")) as date)"
)

// Input is a silver table as models see it.
type Input struct {
	Name    string        // silver.<table>
	Columns []duck.Column // in the table's order
	Key     []string
}

// Model is a gold table and the SQL that makes it.
type Model struct {
	Name     string   // gold.<table>
	Grain    []string // columns that tell the rows of the table apart, day among them
	Lookback int      // a row of day d depends on its inputs' rows of days d − Lookback to d; plan.AllDays: of all days to d
	Inputs   []string // the tables it reads, sorted
	Columns  []duck.Column
	Docs     map[string]string // meanings of the columns that the header documents
	SQL      string
	// Digest is a hash of the model's header and SQL and of the models it reads. If it differs, the table is rebuilt. The
	// header's column lines are not part of it.
	Digest string
	File   string
	// Ours tells that the model comes with the program. The program's tests verify its lookback.
	Ours bool
}

// Table is the name without its schema.
func (m *Model) Table() string {
	table, _ := namespace.Gold.Cut(m.Name)
	return table
}

// ColumnNames returns the names of the model's columns, in order.
func (m *Model) ColumnNames() []string {
	names := make([]string, len(m.Columns))
	for i, c := range m.Columns {
		names[i] = c.Name
	}
	return names
}

// Audit selects rows that must not exist.
type Audit struct {
	Name   string
	Of     string // the model that it looks at, gold.<table>
	SQL    string
	File   string
	Inputs []string
	tree   map[string]any
}

// Set holds all models, each after those it reads, and their audits.
type Set struct {
	Models []*Model
	Audits []*Audit
	Inputs []Input
	// Uses has, by table of silver, the columns that models and audits read, or may.
	Uses map[string][]string
	// Calm, unless it is nil, waits until no model is computed any more: comparing and auditing go on beside that, and the memory may
	// not be enough for both.
	Calm func(context.Context) error
	// Computing, unless it is nil, is told of each model before its SQL runs, and what it returns when it has run. It may be called while
	// another model is computed.
	Computing func(*Model) (over func())
	// Beside, unless it is nil, is a second connection to the database: the models of a small step are computed on both.
	Beside *duck.Conn
}

// Model finds a model by its name, gold.<table>.
func (s *Set) Model(name string) (*Model, bool) {
	i := slices.IndexFunc(s.Models, func(m *Model) bool { return m.Name == name })
	if i < 0 {
		return nil, false
	}
	return s.Models[i], true
}

// Plan plans a change for the set's models.
func (s *Set) Plan(c plan.Change) (plan.Plan, error) {
	models := make([]plan.Model, len(s.Models))
	for i, m := range s.Models {
		models[i] = plan.Model{Name: m.Name, Inputs: m.Inputs, Lookback: m.Lookback}
	}
	return plan.Make(models, c)
}

var (
	headerLine = regexp.MustCompile(`^--\s*([a-z_]+):\s*(.*?)\s*$`)
	tableName  = regexp.MustCompile(`^gold\.[a-z][a-z0-9_]{0,62}$`)
	auditName  = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)
	columnName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)
	lookback   = regexp.MustCompile(`^(?:([0-9]{1,5}) days?|all)$`)
)

// maxLookback is ten years. More would be a typing error and read the whole table for each day.
const maxLookback = 3660

// preface counts the lines before the header: blank lines and comments, such as a licence. It is 0 if there is no header.
func preface(lines, keys []string) int {
	block := false
	for i, line := range lines {
		line = strings.TrimSpace(line)
		if m := headerLine.FindStringSubmatch(line); m != nil && !block && slices.Contains(keys, m[1]) {
			return i
		}
		switch {
		case block:
			block = !strings.HasSuffix(line, "*/")
		case strings.HasPrefix(line, "/*"):
			block = !strings.HasSuffix(line, "*/")
		case line != "" && !strings.HasPrefix(line, "--"):
			return 0
		}
	}
	return 0
}

// header reads the comment lines "-- key: value" that follow a file's preface, up to the first line of another form. Lines of
// columnKey are optional and may repeat; their values are joined, one a line.
func header(file, text string, keys ...string) (map[string]string, error) {
	values := map[string]string{}
	lines := strings.Split(text, "\n")
	begin := preface(lines, keys)
	for i, line := range lines[begin:] {
		i += begin
		m := headerLine.FindStringSubmatch(strings.TrimRight(line, "\r"))
		if m == nil {
			break
		}
		if !slices.Contains(keys, m[1]) {
			return nil, refuse(file, i+1, "the header cannot have the key %q: its keys are %s", m[1], strings.Join(keys, ", "))
		}
		before, twice := values[m[1]]
		if twice && m[1] != columnKey {
			return nil, refuse(file, i+1, "the header has %q twice: keep one", m[1])
		}
		if m[1] == columnKey {
			m[2] = before + m[2] + "\n"
		}
		values[m[1]] = m[2]
	}
	for i, k := range keys {
		if values[k] == "" && k != columnKey {
			return nil, refuse(file, 1, "the header lacks %q: begin the file with a line such as `%s`", k, headerExamples[keys[i]])
		}
	}
	return values, nil
}

var headerExamples = map[string]string{
	"model":    "-- model: gold.my_table",
	"grain":    "-- grain: asset_id, day",
	"lookback": "-- lookback: 0 days",
	"audit":    "-- audit: my_audit",
	"of":       "-- of: gold.my_table",
	columnKey:  "-- column: my_column what it holds [USD]",
}

func readModel(file string, text string) (*Model, error) {
	h, err := header(file, text, modelKeys...)
	if err != nil {
		return nil, err
	}
	at := func(key string) int { return lineOf(text, "-- "+key) }
	m := &Model{Name: h["model"], SQL: text, File: file}
	if !tableName.MatchString(m.Name) {
		return nil, refuse(file, at("model"), "%q cannot be a model's name: write gold. and then small letters, digits and underscores", m.Name)
	}
	for c := range strings.SplitSeq(h["grain"], ",") {
		c = strings.TrimSpace(c)
		if !columnName.MatchString(c) || slices.Contains(m.Grain, c) {
			return nil, refuse(file, at("grain"), "the grain %q is not a list of columns: write for example `-- grain: asset_id, day`", h["grain"])
		}
		m.Grain = append(m.Grain, c)
	}
	if !slices.Contains(m.Grain, Day) {
		return nil, refuse(file, at("grain"), "the grain lacks %s: a row of a gold table belongs to a day; add %[1]s to the grain", Day)
	}
	days := lookback.FindStringSubmatch(h["lookback"])
	if days == nil {
		return nil, refuse(file, at("lookback"), "the lookback %q is not a number of days: write for example `-- lookback: 7 days`, or `-- lookback: all` for a model that reads all days before its own", h["lookback"])
	}
	if h["lookback"] == "all" {
		m.Lookback = plan.AllDays
	} else if m.Lookback, err = strconv.Atoi(days[1]); err != nil || m.Lookback > maxLookback {
		return nil, refuse(file, at("lookback"), "a lookback of %s days is beyond %d: read fewer days, or write `-- lookback: all`", days[1], maxLookback)
	}
	if m.Docs, err = readDocs(file, text, h[columnKey]); err != nil {
		return nil, err
	}
	return m, nil
}

func readAudit(file string, text string) (*Audit, error) {
	h, err := header(file, text, "audit", "of")
	if err != nil {
		return nil, err
	}
	a := &Audit{Name: h["audit"], Of: h["of"], SQL: text, File: file}
	if !auditName.MatchString(a.Name) {
		return nil, refuse(file, 1, "%q cannot be an audit's name: write small letters, digits and underscores", a.Name)
	}
	return a, nil
}

// subquery puts a statement in parentheses, without a semicolon and comment lines at its end.
func subquery(sql string) string {
	lines := strings.Split(sql, "\n")
	for len(lines) > 0 {
		last := strings.TrimSpace(lines[len(lines)-1])
		if last != "" && !strings.HasPrefix(last, "--") {
			break
		}
		lines = lines[:len(lines)-1]
	}
	text := strings.TrimRight(strings.Join(lines, "\n"), "; \t\r")
	return "(" + text + "\n)" // on a line of its own: the last line may end in a comment
}

// lineOf returns the number, from 1, of the line that begins with prefix; 1 if none does.
func lineOf(text, prefix string) int {
	for i, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(strings.Join(strings.Fields(line), " "), prefix) {
			return i + 1
		}
	}
	return 1
}

// sqlFiles returns the names and texts of a folder's *.sql, sorted by name. A missing folder has none.
func sqlFiles(folder fs.FS, dir string) ([]string, []string, error) {
	names, err := fs.Glob(folder, path.Join(dir, "*.sql"))
	if err != nil {
		return nil, nil, err
	}
	slices.Sort(names)
	texts := make([]string, len(names))
	for i, n := range names {
		raw, err := fs.ReadFile(folder, n)
		if err != nil {
			return nil, nil, err
		}
		if bytes.HasPrefix(raw, []byte{0xff, 0xfe}) || bytes.HasPrefix(raw, []byte{0xfe, 0xff}) {
			return nil, nil, refuse(n, 1, "the file is UTF-16: save it as UTF-8")
		}
		texts[i] = strings.TrimPrefix(string(raw), "\ufeff") // Windows editors write a byte order mark
	}
	return names, texts, nil
}
