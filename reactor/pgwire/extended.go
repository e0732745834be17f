package pgwire

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgtype"

	"millrace/reactor/duck"
)

// statement is a prepared statement. Nothing of it runs before it is bound.
type statement struct {
	sql  []token // empty for the empty statement
	oids []uint32
}

// extended answers a message of the extended protocol.
func (c *connection) extended(ctx context.Context, message pgproto3.FrontendMessage) error {
	switch m := message.(type) {
	case *pgproto3.Parse:
		return c.parse(m)
	case *pgproto3.Bind:
		return c.bind(m)
	case *pgproto3.Describe:
		if m.ObjectType == 'S' {
			return c.describeStatement(ctx, m.Name)
		}
		return c.describePortal(ctx, m.Name)
	case *pgproto3.Execute:
		return c.execute(ctx, m)
	case *pgproto3.Close:
		if m.ObjectType == 'S' {
			delete(c.statements, m.Name)
		} else if p := c.portals[m.Name]; p != nil {
			p.close()
			delete(c.portals, m.Name)
		}
		c.wire.Send(&pgproto3.CloseComplete{})
		return nil
	}
	return coded("0A000", fmt.Errorf("the message %T is not answered here", message))
}

func (c *connection) parse(m *pgproto3.Parse) error {
	all := statements(m.Query)
	if len(all) > 1 {
		return coded("42601", fmt.Errorf("a prepared statement is one statement, and the text has %d", len(all)))
	}
	s := &statement{oids: append([]uint32(nil), m.ParameterOIDs...)}
	if len(all) == 1 {
		s.sql = all[0]
	}
	c.statements[m.Name] = s
	c.wire.Send(&pgproto3.ParseComplete{})
	return nil
}

func (c *connection) bind(m *pgproto3.Bind) error {
	s, err := c.statement(m.PreparedStatement)
	if err != nil {
		return err
	}
	literals, lists := make([]string, len(m.Parameters)), listed(s.sql)
	for i, value := range m.Parameters {
		oid := uint32(0)
		if i < len(s.oids) {
			oid = s.oids[i]
		}
		if lists[i+1] && (oid == 0 || oid == pgtype.TextOID) {
			oid = pgtype.TextArrayOID
		}
		if literals[i], err = literal(oid, formatOf(m.ParameterFormatCodes, i), value); err != nil {
			return coded("22P02", fmt.Errorf("parameter $%d: %w", i+1, err))
		}
	}
	sql, err := bound(s.sql, literals)
	if err != nil {
		return coded("08P01", err)
	}
	if former := c.portals[m.DestinationPortal]; former != nil {
		former.close()
	}
	c.portals[m.DestinationPortal] = &portal{sql: sql, formats: append([]int16(nil), m.ResultFormatCodes...)}
	c.wire.Send(&pgproto3.BindComplete{})
	return nil
}

func (c *connection) statement(name string) (*statement, error) {
	s, ok := c.statements[name]
	if !ok {
		return nil, coded("26000", fmt.Errorf("there is no prepared statement %q", name))
	}
	return s, nil
}

// describeStatement says which parameters a statement takes and which columns it gives, before there are values.
func (c *connection) describeStatement(ctx context.Context, name string) error {
	s, err := c.statement(name)
	if err != nil {
		return err
	}
	if c.failed && !ends(s.sql) {
		return errAborted
	}
	if len(s.sql) == 0 || controls(s.sql) {
		c.wire.Send(&pgproto3.ParameterDescription{ParameterOIDs: s.oids})
		c.wire.Send(&pgproto3.NoData{})
		return nil
	}
	c.makeWay()
	prepared, err := c.session.Prepared(ctx, rewrite(typed(s.sql, s.oids)))
	if err != nil {
		return err
	}
	lists := listed(s.sql)
	for i, t := range prepared.Parameters {
		if i == len(s.oids) {
			s.oids = append(s.oids, 0)
		}
		if s.oids[i] == 0 {
			if s.oids[i] = oidOf(t); t == nil && lists[i+1] {
				s.oids[i] = pgtype.TextArrayOID
			}
		}
	}
	if prepared.Schema == nil {
		if prepared, err = c.withNulls(ctx, s); err != nil {
			return err
		}
	}
	c.wire.Send(&pgproto3.ParameterDescription{ParameterOIDs: s.oids})
	c.wire.Send(describe(columnsOf(prepared.Schema), nil))
	return nil
}

// withNulls asks for the columns with nulls in the places of the parameters: DuckDB leaves all open while one has no type.
func (c *connection) withNulls(ctx context.Context, s *statement) (duck.Prepared, error) {
	nulls, lists := make([]string, len(s.oids)), listed(s.sql)
	for i, oid := range s.oids {
		nulls[i] = "NULL"
		if name := typeNames[oid]; name != "" {
			nulls[i] = "CAST(NULL AS " + name + ")"
		} else if lists[i+1] {
			nulls[i] = "CAST(NULL AS VARCHAR[])"
		}
	}
	sql, err := bound(s.sql, nulls)
	if err != nil {
		return duck.Prepared{}, err
	}
	return c.session.Prepared(ctx, rewrite(sql))
}

func (c *connection) describePortal(ctx context.Context, name string) error {
	p, err := c.portal(name)
	if err != nil {
		return err
	}
	if len(p.sql) == 0 || controls(p.sql) {
		c.wire.Send(&pgproto3.NoData{})
		return nil
	}
	if err := c.openPortal(ctx, p); err != nil {
		return err
	}
	c.wire.Send(p.description())
	return nil
}

func (c *connection) portal(name string) (*portal, error) {
	p, ok := c.portals[name]
	if !ok {
		return nil, coded("34000", fmt.Errorf("there is no portal %q", name))
	}
	return p, nil
}

// openPortal begins a portal's statement, which ends with the portal.
func (c *connection) openPortal(ctx context.Context, p *portal) error {
	if p.opened || p.lost {
		return p.open(ctx, c)
	}
	ctx, done := c.begin(ctx)
	p.stops = append(p.stops, done)
	return p.open(ctx, c)
}

func (c *connection) execute(ctx context.Context, m *pgproto3.Execute) error {
	p, err := c.portal(m.Portal)
	if err != nil {
		return err
	}
	if len(p.sql) == 0 {
		c.wire.Send(&pgproto3.EmptyQueryResponse{})
		return nil
	}
	if tag, ok, err := c.control(ctx, p.sql); ok || err != nil {
		if err == nil {
			c.wire.Send(&pgproto3.CommandComplete{CommandTag: []byte(tag)})
		}
		return err
	}
	if err := c.openPortal(ctx, p); err != nil {
		return err
	}
	return p.send(c, int(m.MaxRows))
}
