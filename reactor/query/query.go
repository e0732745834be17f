// Package query shows people what is in the lake: SQL over its tables at one instant, values as they are printed, and the
// rows that differ between two snapshots. All of it runs in a locked DuckDB of its own, which sees those tables and nothing
// else. Commands and servers use it alike: a Session for each reader, several of them in one process.
package query

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"millrace/reactor/duck"
	"millrace/reactor/lake"
)

// Config is what a session reads, and what it may use for that.
type Config struct {
	Lake *lake.Lake
	// AsOf is when every table is read: a time, a snapshot's number or a tag, see moment. Empty: now.
	AsOf string
	// Snapshots names the snapshot of some tables: a number, a tag or a time. It goes before AsOf.
	Snapshots map[string]string
	// Memory for rows, "256MiB"; beyond it they spill to disk. Empty is DuckDB's own limit, 80 % of the machine.
	Memory string
	// Threads for one statement; 0 is one for each core.
	Threads int
	// Setup is SQL that makes what the session has beside the lake's tables, in a schema Path, whose names are found last.
	Setup, Path string
	// MaxRows is how many rows one result may have; 0 for any number.
	MaxRows int64
}

// Ask runs a text in a session of its own and gives the result to show, of several the last.
func Ask(ctx context.Context, c Config, sql string, show func(*Result) error) error {
	session, err := Open(ctx, c)
	if err != nil {
		return err
	}
	defer session.Close()
	for result, err := range session.Run(ctx, sql) {
		if err == nil && !result.More {
			err = show(result)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Session is a database with the lake's tables at one instant. It is for one goroutine at a time; sessions do not share
// anything but the lake.
type Session struct {
	config Config
	conn   *duck.Conn
	end    func()
	moment moment
	view   *lake.View
	shown  map[string]shown // by table
}

// shown is how a table of the lake stands in the session's database.
type shown struct {
	table  *lake.Table
	filled bool  // the rows of a snapshot are in it
	of     int64 // that snapshot
	broken error // why it cannot be read; nobody needs to know who does not read it
}

// partly is no snapshot: reading one has failed half-way.
const partly = -1

// Open makes a session and pins the snapshots that it sees.
func Open(ctx context.Context, c Config) (*Session, error) {
	db, end, err := duck.OpenTemporary(duck.Config{MemoryLimit: c.Memory, Threads: c.Threads})
	if err != nil {
		return nil, err
	}
	conn, err := db.Connect()
	if err != nil {
		end()
		return nil, err
	}
	s := &Session{config: c, conn: conn, end: end, shown: map[string]shown{}}
	if c.Setup != "" {
		err = conn.Exec(ctx, c.Setup)
	}
	if err == nil {
		err = s.Refresh(ctx)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close frees the session and its results.
func (s *Session) Close() {
	s.conn.Close()
	s.end()
}

// Refresh pins the snapshots anew. A session that is not refreshed sees one instant of the lake for as long as it is open.
func (s *Session) Refresh(ctx context.Context) error {
	view, err := s.config.Lake.View(ctx)
	if err != nil {
		return err
	}
	for name := range s.config.Snapshots {
		if _, err := view.Table(name); err != nil {
			return err
		}
	}
	if s.moment, err = s.config.moment(view); err != nil {
		return err
	}
	for name := range s.shown {
		if view.Tables[name] == nil {
			if err := s.conn.Exec(ctx, "drop table if exists "+quoted(name)); err != nil {
				return fmt.Errorf("forget %s: %w", name, err)
			}
			delete(s.shown, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(view.Tables)) {
		s.show(ctx, view.Tables[name])
	}
	s.view = view
	return s.conn.Exec(ctx, "set search_path = "+duck.Quote(s.searchPath()))
}

// show makes an empty table for one of the lake, unless there is one with the same columns.
func (s *Session) show(ctx context.Context, t *lake.Table) {
	before, there := s.shown[t.Name]
	if there && before.broken == nil && before.table.Meta.CurrentSchema().Equals(t.Meta.CurrentSchema()) {
		before.table = t
		s.shown[t.Name] = before
		return
	}
	s.shown[t.Name] = shown{table: t, broken: create(ctx, s.conn, t)}
}

// searchPath lets names without a namespace find gold first, then silver, then what others made.
func (s *Session) searchPath() string {
	all := map[string]bool{}
	for name := range s.shown {
		ns, _, _ := strings.Cut(name, ".")
		all[ns] = true
	}
	path := []string{}
	for _, ns := range append([]string{"gold", "silver"}, slices.Sorted(maps.Keys(all))...) {
		if all[ns] {
			path, all[ns] = append(path, duck.Identifier(ns)), false
		}
	}
	if s.config.Path != "" {
		path = append(path, duck.Identifier(s.config.Path))
	}
	return strings.Join(append(path, "main"), ",")
}

// Prepared says what a statement wants and gives, without running it or reading a row.
func (s *Session) Prepared(ctx context.Context, sql string) (duck.Prepared, error) {
	return s.conn.Prepared(ctx, listed(sql))
}

// Run runs the statements of a text and gives the results of those that have one, in order. A result is valid until the next.
// Nothing but reading is allowed. Rows are read from the lake first, those of the tables that the text may name.
func (s *Session) Run(ctx context.Context, sql string) iter.Seq2[*Result, error] {
	return func(yield func(*Result, error) bool) {
		if err := s.run(ctx, sql, func(r *Result) bool { return yield(r, nil) }); err != nil {
			yield(nil, err)
		}
	}
}

func (s *Session) run(ctx context.Context, sql string, yield func(*Result) bool) error {
	unreadable, err := s.fill(ctx, sql)
	if err != nil {
		return err
	}
	script, err := s.conn.Script(ctx, listed(sql))
	if err != nil {
		return errors.Join(err, unreadable)
	}
	defer script.Close()
	for {
		rows, err := script.Next()
		if err != nil {
			return errors.Join(advised(sql, err), unreadable)
		}
		if rows == nil {
			return nil
		}
		r := &Result{rows: rows, limit: s.config.MaxRows, More: script.More()}
		goOn := yield(r)
		rows.Close()
		if !goOn {
			return nil
		}
	}
}

// fill reads the rows of the tables that a text may name, unless the session has them. A table that DuckDB cannot have is not there for
// the text: unreadable says why, and matters if the text fails. It may name a column so, and then it must not.
func (s *Session) fill(ctx context.Context, sql string) (unreadable, err error) {
	for _, name := range slices.Sorted(maps.Keys(s.shown)) {
		now := s.shown[name]
		if !mentions(sql, name) {
			continue
		}
		if now.broken != nil {
			unreadable = errors.Join(unreadable, fmt.Errorf("read %s: %w", name, now.broken))
			continue
		}
		snapshot, err := s.at(ctx, now.table)
		if err != nil {
			return nil, err
		}
		if id := lake.IDOf(snapshot); !now.filled || now.of != id {
			if now.filled {
				err = create(ctx, s.conn, now.table)
			}
			if err == nil {
				err = state{s.config.Lake, now.table, snapshot, lake.AllMonths}.fill(ctx, s.conn)
			}
			if err != nil {
				s.shown[name] = shown{table: now.table, filled: true, of: partly}
				return nil, fmt.Errorf("read %s: %w", name, err)
			}
			s.shown[name] = shown{table: now.table, filled: true, of: id}
		}
	}
	return unreadable, nil
}

// mentions tells whether a text may name a table, namespace.table. For a name in a comment or a literal, or of a column, rows are read
// in vain, no more. A part of a longer word is no name: else a table f would be read for each `from`. Where a name or the text has
// characters that SQL writes in other ways, any part counts.
func mentions(sql, name string) bool {
	_, own, _ := strings.Cut(name, ".")
	sql, own = strings.ToLower(sql), strings.ToLower(own)
	switch {
	case strings.Contains(own, `"`):
		return true
	case strings.Contains(sql, `\`):
		return strings.Contains(sql, own)
	}
	first, _ := utf8.DecodeRuneInString(own)
	last, _ := utf8.DecodeLastRuneInString(own)
	for at := 0; own != ""; at++ {
		i := strings.Index(sql[at:], own)
		if i < 0 {
			return false
		}
		at += i
		before, _ := utf8.DecodeLastRuneInString(sql[:at])
		after, _ := utf8.DecodeRuneInString(sql[at+len(own):])
		if longer := inWord(before) && inWord(first) || inWord(after) && inWord(last); !longer {
			return true
		}
	}
	return true
}

// inWord tells whether a rune can be within a name that is not quoted.
func inWord(r rune) bool {
	return r == '_' || r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// showTables is what people type to see what there is. DuckDB's own answer has the names of one schema, without it.
var showTables = regexp.MustCompile(`(?i)(^|;)\s*show\s+tables\s*($|;)`)

// listed puts a list of the lake's tables in the place of SHOW TABLES.
func listed(sql string) string {
	const list = `$1 select schema_name || '.' || table_name as name from duckdb_tables() where not temporary order by name $2`
	return showTables.ReplaceAllString(showTables.ReplaceAllString(sql, list), list) // twice, because two in a row share a semicolon
}

// copies is a statement that writes a file.
var copies = regexp.MustCompile(`(?i)(^|;)\s*(copy|export)\b`)

// advised says how a result becomes a file, to somebody who tried in SQL.
func advised(sql string, err error) error {
	if copies.MatchString(sql) {
		return fmt.Errorf("%w; SQL reaches no file here: `reactor query --file result.parquet \"select …\"` writes one (.parquet, .csv or .json)", err)
	}
	return err
}
