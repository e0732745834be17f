package pgwire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/jackc/pgx/v5/pgproto3"

	"millrace/reactor/query"
)

// connection is one client.
type connection struct {
	server  *Server
	conn    net.Conn
	wire    *pgproto3.Backend
	session *query.Session
	id      uint32
	secret  []byte

	statements map[string]*statement // prepared, by name
	portals    map[string]*portal    // bound, by name
	inside     bool                  // a transaction is open: its statements see one state of the lake
	failed     bool                  // and a statement of it has failed
	skip       bool                  // an extended query has failed: messages up to the next Sync are dropped

	mu     sync.Mutex
	cancel context.CancelCauseFunc // of the statement that runs
}

// errCancelled is what a statement ends with that its client cancelled.
var errCancelled = errors.New("canceling statement due to user request")

// interrupt cancels the statement that runs, if one does.
func (c *connection) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cancel != nil {
		c.cancel(errCancelled)
	}
}

// statement is the context of a statement; done ends it.
func (c *connection) begin(ctx context.Context) (_ context.Context, done func()) {
	ctx, timeout := context.WithTimeoutCause(ctx, c.server.cfg.Patience, fmt.Errorf("canceling statement after %v", c.server.cfg.Patience))
	ctx, cancel := context.WithCancelCause(ctx)
	c.mu.Lock()
	c.cancel = cancel
	c.mu.Unlock()
	return ctx, func() {
		c.mu.Lock()
		c.cancel = nil
		c.mu.Unlock()
		cancel(nil)
		timeout()
	}
}

// close ends the connection.
func (c *connection) close() {
	c.closePortals()
	if c.session != nil {
		c.session.Close()
	}
	c.server.forget(c)
	_ = c.conn.Close() // the client may have closed it
}

// state is what a client is told of its transaction.
func (c *connection) state() byte {
	switch {
	case c.failed:
		return 'E'
	case c.inside:
		return 'T'
	}
	return 'I'
}

// serve answers messages until the client leaves.
func (c *connection) serve(ctx context.Context) error {
	for {
		message, err := c.wire.Receive()
		if err != nil {
			return err
		}
		switch m := message.(type) {
		case *pgproto3.Terminate:
			return nil
		case *pgproto3.Query:
			c.simple(ctx, m.String)
			c.ready()
		case *pgproto3.Sync:
			if !c.inside {
				c.closePortals()
			}
			c.skip = false
			c.ready()
		case *pgproto3.Flush:
		default:
			if !c.skip {
				if err := c.extended(ctx, message); err != nil {
					c.complain(err)
					c.skip = true
				}
			}
			continue // what is answered goes out with the next Flush or Sync
		}
		if err := c.wire.Flush(); err != nil {
			return err
		}
	}
}

// ready says that the next query may come.
func (c *connection) ready() { c.wire.Send(&pgproto3.ReadyForQuery{TxStatus: c.state()}) }

// complain sends an error.
func (c *connection) complain(err error) {
	c.failed = c.inside
	c.wire.Send(response(err))
}

// simple runs each statement of a text, until one fails.
func (c *connection) simple(ctx context.Context, sql string) {
	c.closePortals()
	all := statements(sql)
	if len(all) == 0 {
		c.wire.Send(&pgproto3.EmptyQueryResponse{})
		return
	}
	for _, one := range all {
		p := &portal{sql: one}
		err := c.runSimple(ctx, p)
		p.close()
		if err != nil {
			c.complain(err)
			return
		}
	}
}

// runSimple runs one statement and sends all of its rows.
func (c *connection) runSimple(ctx context.Context, p *portal) error {
	if tag, ok, err := c.control(ctx, p.sql); ok || err != nil {
		if err == nil {
			c.wire.Send(&pgproto3.CommandComplete{CommandTag: []byte(tag)})
		}
		return err
	}
	ctx, done := c.begin(ctx)
	defer done()
	if err := p.open(ctx, c); err != nil {
		return err
	}
	c.wire.Send(p.description())
	return p.send(c, 0)
}

// closePortals ends what is bound, and the results that are read of it.
func (c *connection) closePortals() {
	for name, p := range c.portals {
		p.close()
		delete(c.portals, name)
	}
}
