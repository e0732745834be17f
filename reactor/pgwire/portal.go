package pgwire

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/jackc/pgx/v5/pgproto3"
)

// portal is a statement with its parameters, and how far its rows are read.
type portal struct {
	sql     []token
	formats []int16 // of the columns: 0 text, 1 binary; one for all, or none for text

	columns []column
	next    func() (arrow.RecordBatch, error, bool)
	stops   []func()
	batch   arrow.RecordBatch // valid until next
	at      int               // the batch's next row
	sent    int
	opened  bool
	lost    bool // another statement has ended the result
}

// open begins the statement: its columns are known then.
func (p *portal) open(ctx context.Context, c *connection) error {
	switch {
	case p.lost:
		return errors.New("the portal was closed: while its rows are read, another statement began")
	case p.opened:
		return nil
	case c.failed:
		return errAborted
	}
	c.makeWay()
	if !c.inside {
		if err := c.session.Refresh(ctx); err != nil {
			return err
		}
	}
	nextResult, stop := iter.Pull2(c.session.Run(ctx, rewrite(p.sql)))
	p.opened, p.stops = true, append(p.stops, stop)
	result, err, ok := nextResult()
	if err != nil {
		return p.reason(ctx, err)
	}
	if !ok {
		return errors.New("the statement has no result")
	}
	p.columns = columnsOf(result.Schema())
	next, stopRows := iter.Pull2(result.Batches())
	p.next, p.stops = next, append(p.stops, stopRows)
	return nil
}

// reason puts the cause of a cancellation in the place of what DuckDB says.
func (p *portal) reason(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// makeWay ends results that are still read: a session reads one at a time.
func (c *connection) makeWay() {
	for _, other := range c.portals {
		if other.opened {
			other.close()
			other.lost = true
		}
	}
}

// description says what the columns are.
func (p *portal) description() *pgproto3.RowDescription { return describe(p.columns, p.formats) }

func describe(columns []column, formats []int16) *pgproto3.RowDescription {
	fields := make([]pgproto3.FieldDescription, len(columns))
	for i, c := range columns {
		fields[i] = pgproto3.FieldDescription{Name: []byte(c.name), DataTypeOID: c.oid, DataTypeSize: c.size, TypeModifier: c.modifier, Format: formatOf(formats, i)}
	}
	return &pgproto3.RowDescription{Fields: fields}
}

// formatOf is the format of a column, given those that the client named.
func formatOf(formats []int16, i int) int16 {
	switch {
	case len(formats) == 1:
		return formats[0]
	case i < len(formats):
		return formats[i]
	}
	return pgproto3.TextFormat
}

// flushEvery is after how many rows they go out.
const flushEvery = 512

// send sends rows, at most limit of them unless that is 0, and whether there are more.
func (p *portal) send(c *connection, limit int) error {
	values := make([][]byte, len(p.columns))
	for n := 0; ; n++ {
		if limit > 0 && n == limit {
			c.wire.Send(&pgproto3.PortalSuspended{})
			return nil
		}
		ok, err := p.advance()
		if err != nil {
			return err
		}
		if !ok {
			c.wire.Send(&pgproto3.CommandComplete{CommandTag: fmt.Appendf(nil, "SELECT %d", p.sent)})
			return nil
		}
		for i, column := range p.columns {
			if values[i], err = column.encode(p.batch.Column(i), p.at-1, formatOf(p.formats, i)); err != nil {
				return fmt.Errorf("column %s: %w", column.name, err)
			}
		}
		c.wire.Send(&pgproto3.DataRow{Values: values})
		if p.sent++; p.sent%flushEvery == 0 {
			if err := c.wire.Flush(); err != nil {
				return err
			}
		}
	}
}

// advance moves to the next row.
func (p *portal) advance() (ok bool, err error) {
	for p.batch == nil || p.at >= int(p.batch.NumRows()) {
		if p.batch, err, ok = p.next(); err != nil || !ok {
			p.batch, p.at = nil, 0
			p.next = func() (arrow.RecordBatch, error, bool) { return nil, err, false }
			return false, err
		}
		p.at = 0
	}
	p.at++
	return true, nil
}

// close ends the result.
func (p *portal) close() {
	for i := len(p.stops) - 1; i >= 0; i-- {
		p.stops[i]()
	}
	p.stops, p.batch = nil, nil
}
