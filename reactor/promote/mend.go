package promote

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/iceberg-go"

	"millrace/reactor/duck"
	"millrace/reactor/event"
	"millrace/reactor/lake"
	"millrace/reactor/silver"
)

// Mending says what a table of silver must hold in some months: the rows that bronze gives, worked out without looking at the
// table. An event rewrites the rows of its own object and no others, so rows that another engine inserted stay for ever without it.
type Mending struct {
	Expected string        // relation of the promoter's database, in the columns of the definition
	Months   []lake.Months // those in which the table differs
	// Objects are those that Expected is made of.
	Objects map[event.ID]bool
	// Gone are objects whose versions were deleted from bronze and whose events the ledger still has as done.
	Gone map[event.ID]bool
	// Since is the sequence number that each dataset's table, without namespace, had when Objects were listed. What came in
	// later is not in Expected, and its rows are right as they are.
	Since   map[string]int64
	Summary iceberg.Properties // of the snapshots
	// AtOnce is how many rows one commit may replace and write (default 500,000). The bytes of its files stay in memory until it
	// ends.
	AtOnce int64
}

// ErrStale says that a version which a Mending is made of was deleted from bronze meanwhile. The rows that had lost to it are not
// in Expected.
var ErrStale = errors.New("an object was deleted from bronze meanwhile")

const mendAtOnce = 500_000

// Mend brings the dataset's table back to what bronze gives, in one commit if it is not large. A reactor may be at work. Rows that
// are right keep what other engines wrote into columns of their own, and files without a wrong row stay.
func (s *Silver) Mend(ctx context.Context, m Mending) error {
	return s.mend(ctx, &s.rows, m, wanted{key: s.dataset.Key, of: []string{s.dataset.Table}, rows: s.dataset.Winners})
}

// MendRefused is Mend for the table of refused rows.
func (s *Silver) MendRefused(ctx context.Context, m Mending) error {
	var of []string
	for table := range m.Since {
		of = append(of, table)
	}
	columns := duck.Identifiers("", lake.ColumnNames(silver.RejectedSchema()))
	return s.mend(ctx, &s.refused, m, wanted{key: silver.RejectedKey(), of: of, rows: func(relation string) string {
		return fmt.Sprintf("select distinct %s from %s", columns, relation)
	}})
}

// wanted is how the rows of a table come from those of objects.
type wanted struct {
	key  []string
	of   []string                     // datasets' tables whose objects bring the rows, without namespace
	rows func(relation string) string // selects what the table must hold of the rows of a relation
}

func (s *Silver) mend(ctx context.Context, into *merger, m Mending, want wanted) error {
	for left := m.Months; len(left) > 0; {
		var done int
		err := s.turns.Do(ctx, func() (err error) {
			done, err = s.mendSome(ctx, into, m, mendPart{want, left})
			return err
		})
		if err != nil {
			return fmt.Errorf("mend %s: %w", into.table, err)
		}
		left = left[done:]
	}
	return nil
}

// mendPart is what is left to do of a Mending.
type mendPart struct {
	wanted
	months []lake.Months
}

// mendSome mends the first months in one commit, as many as it may replace files of, and returns how many these are.
func (s *Silver) mendSome(ctx context.Context, into *merger, m Mending, part mendPart) (done int, err error) {
	view, err := s.cfg.Lake.View(ctx)
	if err != nil {
		return 0, err
	}
	t, err := view.Table(into.table)
	if err != nil {
		return 0, err
	}
	late, err := m.late(ctx, s.cfg.Lake, part.of) // after the view: the ledger has the event of each row that it shows
	if err != nil {
		return 0, err
	}
	files, done, err := into.mendable(ctx, t, m, part.months)
	if err != nil {
		return 0, err
	}
	held, err := s.cfg.Cache.Hold(ctx, into.conn, t, files)
	if err != nil {
		return 0, err
	}
	defer held.Release()
	if err := into.compare(ctx, held.Relation, m, mendPart{part.wanted, part.months[:done]}, late); err != nil {
		return 0, err
	}
	wrong, err := into.conn.Ints(ctx, "select count(*) from wrong")
	if err != nil || wrong[0] == 0 {
		return done, err
	}
	numbers, err := into.conn.Ints(ctx, "select distinct _file from existing semi join wrong on "+keyText(part.key)+" = wrong._key order by _file")
	if err != nil {
		return 0, err
	}
	var remove []lake.File
	for _, n := range numbers {
		remove = append(remove, held.Files[n])
	}
	c, err := into.write(ctx, t, remove, mendedRows(numbers, part.key), func() {})
	if err != nil {
		return 0, err
	}
	c.Keep, c.Summary = view.Pins.Tables[t.Name].SnapshotID, m.Summary
	_, err = s.cfg.Lake.Commit(ctx, []lake.Change{c.Change}, func(tx *lake.Tx, _ []*lake.Table) error {
		for table, tally := range late.tallies {
			if err := tx.Still(ctx, table, m.Since[table], tally); err != nil {
				return err
			}
		}
		return nil
	})
	return done, err
}

// mendable returns the live files of the first months, as many as one commit may mend, and how many months these are.
func (m *merger) mendable(ctx context.Context, t *lake.Table, of Mending, months []lake.Months) (files []lake.File, done int, err error) {
	var size int64
	for _, month := range months {
		some, err := m.lake.Files(ctx, t, t.Snapshot(), month)
		if err != nil {
			return nil, 0, err
		}
		for _, f := range some {
			size += f.Rows()
		}
		expected, err := m.conn.Ints(ctx, "select count(*) from "+of.Expected+" where "+month.SQL(m.time))
		if err != nil {
			return nil, 0, err
		}
		if size += expected[0]; done > 0 && size > cmp.Or(of.AtOnce, mendAtOnce) {
			break
		}
		files, done = append(files, some...), done+1
	}
	return files, done, nil
}

// latecomers are objects whose events came in after a Mending's objects were listed.
type latecomers struct {
	versions []string // (source_key, source_version), as SQL
	entries  []lake.Entry
	tallies  map[string]lake.Tally // by table
}

// late asks the ledger for them. It fails with ErrStale when an object of the Mending is gone.
func (m Mending) late(ctx context.Context, l *lake.Lake, of []string) (late latecomers, err error) {
	late.tallies = map[string]lake.Tally{}
	for _, table := range of {
		entries, err := l.Since(ctx, table, m.Since[table])
		if err != nil {
			return late, err
		}
		late.tallies[table] = lake.TallyOf(entries)
		for _, e := range entries {
			known := m.Objects[event.ID(e.EventID)]
			if m.Gone[event.ID(e.EventID)] {
				continue
			}
			if known && e.Outcome == lake.OutcomeRemoved {
				return late, fmt.Errorf("%s version %s: %w", e.SourceKey, e.SourceVersion, ErrStale)
			}
			if !known && e.Outcome == lake.OutcomeDone {
				late.versions = append(late.versions, "("+duck.Quote(e.SourceKey)+", "+duck.Quote(e.SourceVersion)+")")
				late.entries = append(late.entries, e)
			}
		}
	}
	return late, nil
}

// Latecomers returns the entries of objects whose rows may not have come into the dataset's table while it was wrong: rows that
// another engine had dated into the future won against them.
func (s *Silver) Latecomers(ctx context.Context, m Mending) ([]lake.Entry, error) {
	if len(m.Months) == 0 {
		return nil, nil // the table was right when it was looked at
	}
	late, err := m.late(ctx, s.cfg.Lake, []string{s.dataset.Table})
	return late.entries, err
}

// compare leaves the tables wanted, with the rows that the months must hold, and wrong, with the texts of the keys whose rows differ
// from these.
func (m *merger) compare(ctx context.Context, existing string, of Mending, part mendPart, late latecomers) error {
	if err := m.conn.Exec(ctx, "create or replace temp table late (source_key varchar not null, source_version varchar not null)"); err != nil {
		return err
	}
	if err := insertValues(ctx, m.conn, "late", late.versions); err != nil {
		return err
	}
	columns := duck.Identifiers("", m.columns)
	var in []string
	for _, months := range part.months {
		in = append(in, "("+months.SQL(m.time)+")")
	}
	// A file may have rows of other months, too. They are not compared, and stay.
	within := strings.Join(in, " or ")
	given := fmt.Sprintf(`(select %[1]s from %[2]s where %[3]s union all by name
		select %[1]s from existing semi join late using (source_key, source_version) where %[3]s)`, columns, of.Expected, within)
	for _, sql := range []string{
		"create or replace temp view existing as " + existing,
		"create or replace temp table wanted as " + part.rows(given),
		"create or replace temp table wrong as select distinct " + keyText(part.key) + " as _key from (" + duck.DifferenceSQL(m.columns, "wanted", "(from existing where "+within+")") + ")",
	} {
		if err := m.conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// mendedRows selects the wanted rows of wrong keys, and the other rows of the files that they lie in.
func mendedRows(files []int64, key []string) string {
	sql := "select * from wanted semi join wrong on " + keyText(key) + " = wrong._key"
	if len(files) == 0 {
		return sql
	}
	numbers := make([]string, len(files))
	for i, n := range files {
		numbers[i] = strconv.FormatInt(n, 10)
	}
	return sql + fmt.Sprintf(" union all by name select * exclude (_file) from existing anti join wrong on %s = wrong._key where _file in (%s)",
		keyText(key), strings.Join(numbers, ", "))
}

// keyText is the text of a row's key. Two keys may have the same text: then the rows of both are written anew, and both are right.
func keyText(key []string) string {
	parts := make([]string, len(key))
	for i, k := range key {
		parts[i] = "coalesce(" + duck.Identifier(k) + "::varchar, 'null')"
	}
	return "concat_ws(' ', " + strings.Join(parts, ", ") + ")"
}
