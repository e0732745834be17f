package upkeep

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"millrace/reactor/duck"
	"millrace/reactor/lake"
	"millrace/reactor/namespace"
	"millrace/reactor/rows"
)

const (
	// appendedManifests is how many manifests a snapshot may have while commits only add files. Such commits read none.
	appendedManifests = 32
	// replacedManifests is the limit where the last commit replaced files, as each commit of gold does. Such a commit reads
	// every manifest twice, at a third of a millisecond each. Three remain after it: what is gone, what came, and the rest.
	replacedManifests = 4
)

// maxManifests is the number of manifests that the current snapshot of a table may have.
func maxManifests(t *lake.Table) int {
	if s := t.Snapshot().Summary; s != nil && s.Operation == table.OpOverwrite {
		return replacedManifests
	}
	return appendedManifests
}

// Compactor merges the small files and manifests of tables. It is for one goroutine at a time.
type Compactor struct {
	lake   *lake.Lake
	cache  *rows.Cache
	conn   *duck.Conn
	tables []lake.Definition
}

// New makes the compactor of some tables. It uses a connection to the database, which Close frees.
func New(l *lake.Lake, db *duck.DB, cache *rows.Cache, tables []lake.Definition) (*Compactor, error) {
	conn, err := db.Connect()
	if err != nil {
		return nil, err
	}
	return &Compactor{lake: l, cache: cache, conn: conn, tables: tables}, nil
}

// Close frees the connection.
func (c *Compactor) Close() { c.conn.Close() }

// Done is what a step did.
type Done struct {
	Table     string
	Files     int // merged into one
	Manifests int // merged into one
	Snapshots int // expired
}

// Add counts what another step did to the same table.
func (d Done) Add(other Done) Done {
	return Done{Table: other.Table, Files: d.Files + other.Files, Manifests: d.Manifests + other.Manifests, Snapshots: d.Snapshots + other.Snapshots}
}

// work is what kind of step this was.
func (d Done) work() Work {
	if d.Files > 0 {
		return Files
	}
	return Manifests
}

// Idle returns what a consumer calls in its pauses: it takes steps until there is nothing to do or ctx ends.
func (c *Compactor) Idle(log *slog.Logger, metrics *Metrics) func(context.Context) {
	names := make([]string, len(c.tables))
	for i, d := range c.tables {
		names[i] = d.Name
	}
	return func(ctx context.Context) {
		due := true
		defer func() { metrics.rests(names, due) }()
		for ctx.Err() == nil {
			began := time.Now()
			done, ok, err := c.Step(ctx)
			switch {
			case ctx.Err() != nil:
				return
			case errors.Is(err, lake.ErrConflict):
				return // another commit has changed the table; the next pause will do
			case err != nil:
				log.Warn("upkeep failed; trying again later", "error", err)
				return
			case !ok:
				due = false
				return
			}
			metrics.finished(done.work(), time.Since(began))
			log.Debug("upkeep", "table", done.Table, "files", done.Files, "manifests", done.Manifests)
		}
	}
}

// All does everything there is to do, expiry of snapshots included, and tells of each step. A person asked for it: a reactor that comes
// first again and again is asked to wait.
func (c *Compactor) All(ctx context.Context, did func(Done)) error {
	for more := true; more; {
		var done Done
		step := func() (err error) {
			done, more, err = c.Step(ctx)
			return err
		}
		err := step()
		if errors.Is(err, lake.ErrConflict) {
			err = c.insist(ctx, done.Table, step)
		}
		if err != nil {
			return err
		}
		if more {
			did(done)
		}
	}
	for _, d := range c.tables {
		done, err := c.expire(ctx, d.Name)
		if err != nil {
			return err
		}
		did(done)
	}
	return nil
}

// insist does work on a table that has to come through.
func (c *Compactor) insist(ctx context.Context, table string, work func() error) error {
	turns := lake.Turns{Lake: c.lake, Of: namespace.Of(table), Insist: true}
	return turns.Do(ctx, work)
}

// expire drops the snapshots of one table that are too old.
func (c *Compactor) expire(ctx context.Context, name string) (Done, error) {
	done := Done{Table: name}
	err := c.insist(ctx, name, func() error {
		view, err := c.lake.OwnView(ctx)
		if err != nil {
			return err
		}
		t := view.Tables[name]
		if t == nil {
			return nil
		}
		next, err := c.commit(ctx, view, lake.Change{Base: t, Expire: true})
		if err == nil {
			done.Snapshots = len(t.Meta.Snapshots()) - len(next.Meta.Snapshots())
		}
		return err
	})
	return done, err
}

// Step does the most urgent thing that there is to do, in one commit; ok is false when there is nothing. It returns
// lake.ErrConflict when another commit came first.
func (c *Compactor) Step(ctx context.Context) (done Done, ok bool, err error) {
	view, err := c.lake.OwnView(ctx)
	if err != nil {
		return Done{}, false, err
	}
	for _, d := range c.tables {
		t := view.Tables[d.Name]
		if t == nil || t.Snapshot() == nil {
			continue
		}
		files, err := c.lake.Files(ctx, t, t.Snapshot(), lake.AllMonths)
		if err != nil {
			return Done{}, false, err
		}
		done = Done{Table: d.Name}
		if some := choose(t, files); len(some) > 0 {
			done.Files = len(some)
			return done, true, c.merge(ctx, view, t, some, d.Order)
		}
		manifests, err := c.lake.Manifests(ctx, t)
		if err != nil {
			return Done{}, false, err
		}
		if manifests > maxManifests(t) {
			done.Manifests = manifests
			_, err := c.commit(ctx, view, lake.Change{Base: t, MergeManifests: true})
			return done, true, err
		}
	}
	return Done{}, false, nil
}

// merge writes the rows of some files of one partition into one.
func (c *Compactor) merge(ctx context.Context, view *lake.View, t *lake.Table, files []lake.File, order []string) error {
	schema, err := table.SchemaToArrowSchema(t.Meta.CurrentSchema(), nil, true, false)
	if err != nil {
		return fmt.Errorf("compact %s: %w", t.Name, err)
	}
	held, err := c.cache.Hold(ctx, c.conn, t, files)
	if err != nil {
		return fmt.Errorf("compact %s: %w", t.Name, err)
	}
	defer held.Release()
	sql := fmt.Sprintf("select * exclude (%s) from (%s)", rows.FileColumn, held.Relation)
	ordered := sql + " order by " + strings.Join(order, ", ")
	next, err := c.commit(ctx, view, lake.Change{Base: t, Remove: files, Rewrite: true, Schema: schema, Rows: rows.Select(ctx, c.conn, ordered, schema)})
	if err != nil {
		return err
	}
	return c.cache.Fill(ctx, next, t.Snapshot(), rows.Query{Conn: c.conn, SQL: sql})
}

// commit makes a change that changes no row. Where gold was computed from the old snapshot, the pin moves to the new one,
// which has the same rows.
func (c *Compactor) commit(ctx context.Context, view *lake.View, change lake.Change) (*lake.Table, error) {
	change.Keep = view.Pins.Tables[change.Base.Name].SnapshotID
	change.Summary = iceberg.Properties{"millrace.upkeep": "true"}
	next, err := c.lake.Commit(ctx, []lake.Change{change}, func(tx *lake.Tx, next []*lake.Table) error {
		if next[0].SnapshotID() == change.Base.SnapshotID() {
			return nil
		}
		return tx.MovePin(ctx, next[0].Name, change.Base.SnapshotID(), lake.Pin{SnapshotID: next[0].SnapshotID(), Sequence: next[0].Sequence()})
	})
	if err != nil {
		return nil, fmt.Errorf("upkeep of %s: %w", change.Base.Name, err)
	}
	return next[0], nil
}
