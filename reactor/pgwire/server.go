// Package pgwire lets whatever speaks PostgreSQL's protocol read the lake: psql, Grafana, DBeaver, SQLAlchemy, pandas. Each
// connection is a session of package query, so nothing can be changed by it. The messages are pgproto3's (of pgx); what they
// mean is here: the simple and the extended protocol, values as PostgreSQL writes them, and as much of its catalog as clients
// ask for before they show a table.
package pgwire

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"millrace/reactor/query"
)

// Config is what a server serves, and to whom.
type Config struct {
	// Query is what every connection reads, and with how much memory.
	Query query.Config
	// Login fails if a password is not that of the user.
	Login func(user, password string) error
	// TLS, if set, is offered to whoever asks for it.
	TLS *tls.Config
	// MaxConnections at a time; 0 is 16. Each has a database of its own.
	MaxConnections int
	// Patience is how long one statement may run; 0 is 10 minutes.
	Patience time.Duration
	Log      *slog.Logger // nil is the default logger
}

// Server serves connections.
type Server struct {
	cfg  Config
	mu   sync.Mutex
	last uint32
	open map[uint32]*connection // by process id, as PostgreSQL calls it
}

// New makes a server.
func New(cfg Config) *Server {
	if cfg.MaxConnections == 0 {
		cfg.MaxConnections = 16
	}
	if cfg.Patience == 0 {
		cfg.Patience = 10 * time.Minute
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	cfg.Query.Setup, cfg.Query.Path = catalog, catalogSchema
	return &Server{cfg: cfg, open: map[uint32]*connection{}}
}

// Serve accepts connections until ctx ends, and closes them then.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	context.AfterFunc(ctx, func() { _ = l.Close() }) // Accept says what there is to say
	for {
		conn, err := l.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept a PostgreSQL client on %s: %w", l.Addr(), err)
		}
		all.Go(func() { s.handle(ctx, conn) })
	}
}

// handle serves one connection to its end.
func (s *Server) handle(ctx context.Context, conn net.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // ends a read or write that waits
	defer stop()
	c := &connection{server: s, conn: conn, statements: map[string]*statement{}, portals: map[string]*portal{}}
	defer c.close()
	if err := c.start(ctx); err != nil {
		if !errors.Is(err, errDone) && ctx.Err() == nil {
			s.cfg.Log.Warn("a PostgreSQL client is turned away", "client", conn.RemoteAddr().String(), "error", err)
		}
		return
	}
	if err := c.serve(ctx); err != nil && ctx.Err() == nil {
		s.cfg.Log.Debug("a PostgreSQL connection ended", "client", conn.RemoteAddr().String(), "error", err)
	}
}

// register gives a connection the number and the secret by which its client may cancel a statement. ok is false if there are
// too many connections.
func (s *Server) register(c *connection) (ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open) >= s.cfg.MaxConnections {
		return false
	}
	s.last++
	c.id, c.secret = s.last, make([]byte, 4)
	_, _ = rand.Read(c.secret) // never fails
	s.open[c.id] = c
	return true
}

func (s *Server) forget(c *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[c.id] == c {
		delete(s.open, c.id)
	}
}

// cancel ends the statement that a connection runs, if the secret is its own.
func (s *Server) cancel(id uint32, secret []byte) {
	s.mu.Lock()
	c := s.open[id]
	s.mu.Unlock()
	if c != nil && subtle.ConstantTimeCompare(c.secret, secret) == 1 {
		c.interrupt()
	}
}
