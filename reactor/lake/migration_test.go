package lake

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/iceberg-go"
	sqlcatalog "github.com/apache/iceberg-go/catalog/sql"
	icebergtable "github.com/apache/iceberg-go/table"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"
	"golang.org/x/sync/errgroup"
)

// old makes the catalog of testdata/catalog-664d465.sql, which has no version yet, in an empty database.
func old(t *testing.T, address string) {
	t.Helper()
	text, err := os.ReadFile("testdata/catalog-664d465.sql")
	if err != nil {
		t.Fatal(err)
	}
	c, err := connect(address)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.db.DB.ExecContext(t.Context(), string(text)); err != nil {
		t.Fatal(err)
	}
	if version, err := c.version(t.Context()); err != nil || version != 0 {
		t.Fatalf("the old catalog has version %d, %v", version, err)
	}
	if err := c.db.Close(); err != nil {
		t.Fatal(err)
	}
}

// When the catalog of testdata was written: ms is the object's time, at the commit's.
func ms(minute int) time.Time { return time.Date(2026, 11, 28, 10, minute, 0, 123e6, time.UTC) }
func at(minute int) time.Time { return time.Date(2026, 11, 28, 10, minute, 0, 123456e3, time.UTC) }

// holdsTheOldRows compares what a lake reads with what testdata/catalog-664d465.sql says.
func holdsTheOldRows(t *testing.T, l *Lake) {
	t.Helper()
	const bitcoin = "bronze/coincap/history/ingest_date=2026-11-28/bitcoin_d1.json"
	collect := func(each func(context.Context, func(Entry) error) error) (all []Entry) {
		t.Helper()
		if err := each(t.Context(), func(e Entry) error { all = append(all, e); return nil }); err != nil {
			t.Fatal(err)
		}
		return all
	}
	wantSame := func(what string, got, want any, err error) {
		t.Helper()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v; want %+v", what, got, err, want)
		}
	}
	want := []Entry{
		{EventID: "0a", Table: "asset_prices", SourceKey: bitcoin, SourceVersion: "v1", ModifiedAt: ms(1), Outcome: OutcomeDone, SnapshotID: 6917529027641081857, Sequence: 1, Run: "20261128T110000Z-b2", At: at(7)},
		{EventID: "0b", Table: "asset_prices", SourceKey: `bronze/coincap/history/ingest_date=2026-11-28/it's "odd"? \ é.json`, SourceVersion: "v2", ModifiedAt: ms(3), Outcome: OutcomeDone, SnapshotID: 6917529027641081858, Sequence: 2, Run: "20261128T100000Z-a1", At: at(4)},
		{EventID: "0c", SourceKey: "bronze/unknown/x.json", ModifiedAt: ms(5), Outcome: OutcomeDead, Reason: "no dataset reads it: $1, ? and 'quotes'", At: at(6)},
	}
	wantSame("the ledger", collect(l.Entries), want, nil)
	of, err := l.EntriesOf(t.Context(), bitcoin)
	wantSame("the entries of an object", of, want[:1], err)
	outcomes, err := l.Outcomes(t.Context(), "asset_prices", []string{"0a", "0b", "0c", "0d"})
	wantSame("the outcomes", outcomes, map[string]string{"0a": OutcomeDone, "0b": OutcomeDone}, err)
	for run, events := range map[string]int{"20261128T100000Z-a1": 1, "20261128T110000Z-b2": 1, "20261128T120000Z-c3": 0} {
		n, err := l.CountRun(t.Context(), run)
		wantSame("the events of run "+run, n, events, err)
	}
	p, err := l.Pins(t.Context())
	wantSame("the pins", p, Pins{Step: 2, Tables: map[string]Pin{"silver.asset_prices": {6917529027641081858, 2}, "silver.asset_snapshots": {}}}, err)
	reached, ok, err := l.Reached(t.Context(), "silver.asset_prices", 1)
	wantSame("when gold reached the first snapshot", []any{reached, ok}, []any{at(8), true}, err)
	version, ok, err := l.Version(t.Context(), "silver.asset_prices")
	wantSame("the version of a table", []any{version, ok}, []any{1, true}, err)
	ps, err := pointers(t.Context(), l.catalog.db)
	wantSame("the pointers", ps, []pointer{
		{"gold.rankings", "s3://lakehouse/gold/rankings/metadata/00003-22222222-2222-2222-2222-222222222222.metadata.json"},
		{"silver.asset_prices", "s3://lakehouse/silver/asset_prices/metadata/00001-33333333-3333-3333-3333-333333333333.metadata.json"},
	}, err)
	staged := collect(func(ctx context.Context, f func(Entry) error) error { return l.Staged(ctx, "trial", f) })
	wantSame("what a branch has staged", staged, []Entry{{EventID: "0a", Table: "asset_prices", SourceKey: bitcoin, SourceVersion: "v1", ModifiedAt: ms(1), Outcome: OutcomeDead, Reason: "row 3: price is no number", Run: "20261128T120000Z-c3", At: at(12)}}, nil)
	branches, err := l.branches(t.Context(), &View{})
	wantSame("the branches", branches, []BranchInfo{
		{Name: "done", Run: "20261128T130000Z-d4", Ready: true, Made: at(11)},
		{Name: "trial", Run: "20261128T120000Z-c3", Made: at(10), Events: 1, Dead: 1},
	}, err)
	if err := l.isReady(t.Context(), "done"); err != nil {
		t.Error(err)
	}
	if err := l.isReady(t.Context(), "trial"); !errors.Is(err, ErrNotReady) {
		t.Errorf("a branch that is not complete: %v", err)
	}
}

func TestACatalogFromBeforeVersionsIsAdopted(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		old(t, address)
		c := opened(t, address)
		if version, err := c.version(t.Context()); err != nil || version != len(migrations) {
			t.Errorf("the catalog has version %d, %v", version, err)
		}
		l := &Lake{catalog: c}
		holdsTheOldRows(t, l)
		if err := l.Record(t.Context(), Entry{EventID: "0d", Outcome: OutcomeDone}); err != nil {
			t.Error(err)
		}
	})
}

// A catalog of version 1 is one that the releases before the index wrote. Each deleted version read the whole ledger of its table.
func TestACatalogOfVersion1GetsTheIndexThatPromotedReads(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		old(t, address)
		first, err := connect(address)
		if err != nil {
			t.Fatal(err)
		}
		err = first.migrate(t.Context(), migrations[:1])
		version, asked := first.version(t.Context())
		if err := errors.Join(err, asked, first.db.Close()); err != nil || version != 1 {
			t.Fatalf("the catalog has version %d, %v", version, err)
		}
		l := &Lake{catalog: opened(t, address)}
		if version, err := l.catalog.version(t.Context()); err != nil || version < 2 {
			t.Errorf("the opened catalog has version %d, %v", version, err)
		}
		holdsTheOldRows(t, l)
		if plan := planOf(t, l.catalog, l.promoted("asset_prices", at(0), at(9))); !strings.Contains(plan, "millrace_ledger_by_time") {
			t.Errorf("what a table got between two times is read by\n%s", plan)
		}
		entries, err := l.Promoted(t.Context(), "asset_prices", ms(1), ms(3))
		if err != nil || len(entries) != 2 || entries[0].EventID != "0b" || entries[1].EventID != "0a" {
			t.Errorf("between two times, the newest first: %+v, %v", entries, err)
		}
	})
}

// planOf is how the database would run a query on a ledger that is worth an index.
func planOf(t *testing.T, c *catalog, q *bun.SelectQuery) string {
	t.Helper()
	explain := "EXPLAIN QUERY PLAN "
	if c.db.Dialect().Name() == dialect.PG {
		explain = "EXPLAIN "
	}
	var lines []string
	err := c.db.RunInTx(t.Context(), nil, func(ctx context.Context, tx bun.Tx) error {
		if c.db.Dialect().Name() == dialect.PG { // three rows are read without an index whatever there is
			if _, err := tx.ExecContext(ctx, "SET LOCAL enable_seqscan = off"); err != nil {
				return err
			}
		}
		rows, err := tx.QueryContext(ctx, explain+q.String())
		if err != nil {
			return err
		}
		for rows.Next() {
			columns, err := rows.Columns()
			if err != nil {
				return err
			}
			var ignored [3]any
			var line string
			if err := rows.Scan([]any{&ignored[0], &ignored[1], &ignored[2], &line}[4-len(columns):]...); err != nil {
				return err
			}
			lines = append(lines, line)
		}
		return errors.Join(rows.Err(), rows.Close())
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

// A changed column is what broke every old lake when tables were only made where they were missing.
var nextMigration = migration{"reasons have a class", func(ctx context.Context, tx bun.Tx) error {
	text := `ALTER TABLE millrace_ledger RENAME COLUMN sequence_number TO commit_number;
		ALTER TABLE millrace_ledger ADD COLUMN class TEXT NOT NULL DEFAULT 'none?';
		UPDATE millrace_ledger SET class = 'dataset' WHERE outcome = 'dead';`
	if tx.Dialect().Name() == dialect.PG {
		text += `ALTER TABLE millrace_ledger ALTER COLUMN commit_number TYPE NUMERIC`
	}
	return statements(text)(ctx, tx)
}}

func TestAMigrationChangesAFilledCatalog(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		old(t, address)
		c := opened(t, address)
		next := append(slices.Clone(migrations), nextMigration)
		if err := c.migrate(t.Context(), next); err != nil {
			t.Fatal(err)
		}
		var rows []string
		if err := c.db.NewRaw(`SELECT event_id || ' ' || commit_number || ' ' || class FROM millrace_ledger ORDER BY event_id`).Scan(t.Context(), &rows); err != nil {
			t.Fatal(err)
		}
		if want := []string{"0a 1 none?", "0b 2 none?", "0c 0 dataset"}; !slices.Equal(rows, want) {
			t.Errorf("the ledger holds %v, want %v", rows, want)
		}
		// This program does not know that version.
		if _, err := openCatalog(t.Context(), address); !errors.Is(err, ErrNewerCatalog) || !strings.Contains(err.Error(), fmt.Sprintf("version %d", len(next))) || !strings.Contains(err.Error(), fmt.Sprintf("up to %d", len(migrations))) {
			t.Errorf("a newer catalog is opened: %v", err)
		}
		if err := c.migrate(t.Context(), next); err != nil {
			t.Errorf("the same migrations again: %v", err)
		}
	})
}

func TestAFailedMigrationChangesNothing(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		old(t, address)
		c := opened(t, address)
		broken := errors.New("broken")
		half := migration{"half", func(ctx context.Context, tx bun.Tx) error {
			return errors.Join(nextMigration.up(ctx, tx), broken)
		}}
		if err := c.migrate(t.Context(), append(slices.Clone(migrations), half)); !errors.Is(err, broken) || !strings.Contains(err.Error(), fmt.Sprintf("version %d (half)", len(migrations)+1)) {
			t.Errorf("a migration that fails: %v", err)
		}
		if version, err := c.version(t.Context()); err != nil || version != len(migrations) {
			t.Errorf("the catalog has version %d, %v", version, err)
		}
		holdsTheOldRows(t, &Lake{catalog: c})
	})
}

func TestProcessesThatStartAtOnceMigrateOnce(t *testing.T) {
	for what, prepare := range map[string]func(*testing.T, string){"empty": func(*testing.T, string) {}, "old": old} {
		t.Run(what, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, address string) {
				prepare(t, address)
				next := append(slices.Clone(migrations), nextMigration)
				var starts errgroup.Group
				for range 8 {
					starts.Go(func() error {
						c, err := connect(address)
						if err != nil {
							return err
						}
						return errors.Join(c.migrate(t.Context(), next), c.db.Close())
					})
				}
				if err := starts.Wait(); err != nil {
					t.Fatal(err)
				}
				c, err := connect(address)
				if err != nil {
					t.Fatal(err)
				}
				var names []string
				err = errors.Join(c.db.NewRaw(`SELECT name FROM millrace_schema ORDER BY version`).Scan(t.Context(), &names), c.db.Close())
				if want := []string{"first tables", "ledger by time", "receipts", "turns", "audits", "reasons have a class"}; err != nil || !slices.Equal(names, want) {
					t.Errorf("the catalog had the migrations %v, %v; want %v", names, err, want)
				}
			})
		})
	}
}

// The two tables of the JDBC catalog must be laid out as other engines know them. iceberg-go's own catalog stands for those.
func TestIcebergsCatalogReadsOurs(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		c := opened(t, address)
		dialects := map[dialect.Name]sqlcatalog.SupportedDialect{dialect.SQLite: sqlcatalog.SQLite, dialect.PG: sqlcatalog.Postgres}
		theirs, err := sqlcatalog.NewCatalog(CatalogName, c.db.DB, dialects[c.db.Dialect().Name()], iceberg.Properties{"jdbc.schema-version": "V1"})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.write(t.Context(), func(tx *Tx) error { return tx.create(t.Context(), "silver.a", "s3://b/a.metadata.json") }); err != nil {
			t.Fatal(err)
		}
		if err := theirs.CreateNamespace(t.Context(), icebergtable.Identifier{"gold"}, nil); err != nil {
			t.Fatal(err)
		}
		namespaces, err := theirs.ListNamespaces(t.Context(), nil)
		if err != nil || len(namespaces) != 2 {
			t.Errorf("iceberg-go lists the namespaces %v, %v", namespaces, err)
		}
		for id, err := range theirs.ListTables(t.Context(), icebergtable.Identifier{"silver"}) {
			if err != nil || !slices.Equal(id, icebergtable.Identifier{"silver", "a"}) {
				t.Errorf("iceberg-go lists the table %v, %v", id, err)
			}
		}
	})
}

func TestABackupOfBeforeVersionsIsMigratedWhenRestored(t *testing.T) {
	backup := filepath.Join(t.TempDir(), "old.db")
	old(t, "sqlite://"+backup)
	before, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	l := &Lake{catalog: opened(t, "sqlite://"+filepath.Join(t.TempDir(), "catalog.db"))}
	if err := l.RestoreFrom(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	if version, err := l.catalog.version(t.Context()); err != nil || version != len(migrations) {
		t.Errorf("the restored catalog has version %d, %v", version, err)
	}
	holdsTheOldRows(t, l)
	if after, err := os.ReadFile(backup); err != nil || string(after) != string(before) {
		t.Errorf("the backup was written to: %v", err)
	}
	newer := filepath.Join(t.TempDir(), "newer.db")
	if err := l.Backup(t.Context(), newer); err != nil {
		t.Fatal(err)
	}
	c, err := connect("sqlite://" + newer)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.migrate(t.Context(), append(slices.Clone(migrations), nextMigration)), c.db.Close()); err != nil {
		t.Fatal(err)
	}
	if err := l.RestoreFrom(t.Context(), newer); !errors.Is(err, ErrNewerCatalog) {
		t.Errorf("a newer backup is restored: %v", err)
	}
	holdsTheOldRows(t, l)
}

// A command that reads a lake, and was given the wrong home or database, must not leave an empty lake there.
func TestAnExistingCatalogIsAskedForAndNoneIsMade(t *testing.T) {
	eachDatabase(t, func(t *testing.T, address string) {
		if _, err := openExisting(t.Context(), address); !errors.Is(err, ErrNoCatalog) {
			t.Fatalf("an empty database: %v", err)
		}
		if path, ok := strings.CutPrefix(address, "sqlite://"); ok {
			if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a file was made: %v", err)
			}
		}
		old(t, address) // of before the table of versions
		c, err := openExisting(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		if version, err := c.version(t.Context()); err != nil || version != len(migrations) {
			t.Errorf("version %d, %v", version, err)
		}
		if err := c.db.Close(); err != nil {
			t.Error(err)
		}
	})
}
