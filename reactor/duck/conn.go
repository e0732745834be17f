package duck

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	bindings "github.com/duckdb/duckdb-go-bindings"
)

// Conn is a connection. It runs one statement at a time, from one goroutine at a time, and none while Rows are open.
type Conn struct {
	handle bindings.Connection
	db     *DB
	open   *Rows
	// together tells that several statements share a transaction.
	together bool
}

// Close frees the connection and its open Rows.
func (c *Conn) Close() {
	if c.open != nil {
		c.open.Close()
	}
	bindings.Disconnect(&c.handle)
}

// ErrBusy says that a statement was started while Rows of an earlier one are open. DuckDB would end these rows without an error.
var ErrBusy = errors.New("the connection still has open rows: read them to the end or close them first")

// Error says why DuckDB refused a statement, in its own words.
type Error struct {
	Message string
	SQL     string
}

func (e *Error) Error() string { return "duckdb: " + e.Message }

// OutOfMemory tells whether a statement needed more than the memory limit for its work. Such a statement did nothing. One that has worked, and
// finds no memory to commit, is another matter: see failedCommit.
func OutOfMemory(err error) bool { return says(err, "Out of Memory Error") }

// Exec runs one or more statements and drops what they return.
func (c *Conn) Exec(ctx context.Context, sql string) error {
	if err := c.ready(sql); err != nil {
		return err
	}
	return c.guard(ctx, sql, func() string { return c.run(sql, nil) })
}

// run runs statements, fills in the result of the last one unless it is nil, and returns DuckDB's reason if one fails. DuckDB plans each
// in the transaction that runs it.
func (c *Conn) run(sql string, result *bindings.Result) string {
	if result == nil {
		result = &bindings.Result{}
		defer bindings.DestroyResult(result)
	}
	if bindings.Query(c.handle, sql, result) == bindings.StateError {
		return bindings.ResultError(result)
	}
	return ""
}

// Few does what Query does, and holds all rows of the last statement in memory. Where they are few it saves a transaction.
func (c *Conn) Few(ctx context.Context, sql string) (*Rows, error) {
	if err := c.ready(sql); err != nil {
		return nil, err
	}
	rows := &Rows{conn: c, ctx: ctx, sql: sql}
	c.db.used.RLock()
	return c.opened(rows, c.guard(ctx, sql, func() string { return c.run(sql, &rows.result) }))
}

// Together runs work in one transaction. If work fails, it leaves the tables as they were.
func (c *Conn) Together(ctx context.Context, work func() error) error {
	if err := c.Exec(ctx, "begin"); err != nil {
		return err
	}
	c.together = true
	err := work()
	c.together = false
	if err == nil {
		return c.Exec(ctx, "commit")
	}
	return errors.Join(err, c.Exec(context.WithoutCancel(ctx), "rollback"))
}

// Query runs the statements of sql and streams the rows of the last one, so memory never holds a whole large result. The caller
// closes the rows. ctx covers the rows too. What rows that are closed before their end have written is undone.
func (c *Conn) Query(ctx context.Context, sql string) (*Rows, error) {
	statements, n, err := c.extract(sql)
	if err != nil {
		return nil, err
	}
	defer bindings.DestroyExtracted(&statements)
	for i := range n - 1 {
		rows, err := c.start(ctx, sql, statements, i, anything)
		if err != nil {
			return nil, err
		}
		if err := rows.drain(); err != nil {
			return nil, err
		}
	}
	return c.start(ctx, sql, statements, n-1, anything)
}

// ready refuses a statement that cannot be started: rows are open, or C would not see all of its text.
func (c *Conn) ready(sql string) error {
	switch {
	case c.open != nil:
		return ErrBusy
	case strings.IndexByte(sql, 0) >= 0:
		return &Error{Message: "the SQL text has a NUL character; remove it", SQL: sql}
	}
	return nil
}

// alive refuses a statement of a database that has ended.
func (c *Conn) alive(sql string) error {
	select {
	case <-c.db.ended:
		return &Error{Message: hasEnded, SQL: sql}
	default:
		return nil
	}
}

// extract splits sql into its statements.
func (c *Conn) extract(sql string) (bindings.ExtractedStatements, bindings.IdxT, error) {
	var statements bindings.ExtractedStatements
	if err := c.ready(sql); err != nil {
		return statements, 0, err
	}
	n := bindings.ExtractStatements(c.handle, sql, &statements)
	if n == 0 {
		reason := bindings.ExtractStatementsError(statements)
		bindings.DestroyExtracted(&statements)
		if reason == "" {
			reason = "there is no statement in the SQL text"
		}
		return statements, 0, &Error{Message: reason, SQL: sql}
	}
	return statements, n, nil
}

// start prepares and begins statement i, unless refuse refuses its kind. It does both in one transaction, which ends with the rows. DuckDB
// plans a statement by the statistics of the moment: it drops a filter that all rows pass. Without a transaction, rows that another
// connection commits before the statement runs pass too, and are wrong.
func (c *Conn) start(ctx context.Context, sql string, statements bindings.ExtractedStatements, i bindings.IdxT, refuse func(bindings.StatementType) string) (*Rows, error) {
	rows := &Rows{conn: c, ctx: ctx, sql: sql, alone: !c.together}
	c.db.used.RLock()
	err := c.guard(ctx, sql, func() string {
		if rows.alone {
			if reason := c.run("begin", nil); reason != "" {
				rows.alone = false
				return reason
			}
		}
		if bindings.PrepareExtractedStatement(c.handle, statements, i, &rows.prepared) == bindings.StateError {
			return bindings.PrepareError(rows.prepared)
		}
		if reason := refuse(bindings.PreparedStatementType(rows.prepared)); reason != "" {
			return reason
		}
		var pending bindings.PendingResult
		defer bindings.DestroyPending(&pending)
		// The C interface deprecates every streaming call and has no replacement yet. The other calls hold the whole result in
		// memory.
		if bindings.PendingPreparedStreaming(rows.prepared, &pending) == bindings.StateError { //nolint:staticcheck // see above
			return bindings.PendingError(pending)
		}
		if bindings.ExecutePending(pending, &rows.result) == bindings.StateError {
			return bindings.ResultError(&rows.result)
		}
		return ""
	})
	return c.opened(rows, err)
}

// opened makes rows whose statement has begun, or could not, the open rows of the connection. The database is in use until they are closed.
func (c *Conn) opened(rows *Rows, err error) (*Rows, error) {
	if err == nil {
		err = rows.describe()
	}
	if err != nil {
		rows.free()
		rows.undo()
		c.db.used.RUnlock()
		return nil, err
	}
	c.open = rows
	return rows, nil
}

// interruptEvery is the time between interrupts of a cancelled statement, which go on until it returns. One is not enough: DuckDB
// clears the flag when a statement starts, so an interrupt between two phases of a statement is lost.
const interruptEvery = 2 * time.Millisecond

// guard runs step, which returns DuckDB's reason if it fails, and interrupts it when ctx ends.
func (c *Conn) guard(ctx context.Context, sql string, step func() string) error {
	c.db.used.RLock()
	defer c.db.used.RUnlock()
	return c.interruptible(ctx, sql, step)
}

// interruptible does guard's work for who has seen to it that the database may be used.
func (c *Conn) interruptible(ctx context.Context, sql string, step func() string) error {
	if err := c.alive(sql); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("duckdb statement not started: %w", err)
	}
	done, stopped := make(chan struct{}), make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		tick := time.NewTicker(interruptEvery)
		defer tick.Stop()
		for {
			bindings.Interrupt(c.handle)
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	})
	reason := step()
	close(done)
	if !stop() {
		<-stopped // else an interrupt could hit the connection's next statement
	}
	if reason == "" {
		return nil
	}
	err := c.watch(&Error{Message: reason, SQL: sql})
	if ctx.Err() != nil {
		return fmt.Errorf("duckdb statement interrupted: %w", context.Cause(ctx))
	}
	return err
}
