package pgwire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"millrace/reactor/query"
)

// errDone says that a connection has ended as it should.
var errDone = errors.New("done")

const (
	// startPatience is how long a client may take until it has signed in.
	startPatience = 15 * time.Second
	// largestMessage bounds what a client sends at a time: a query, and its parameters.
	largestMessage = 16 << 20
	// serverVersion is the PostgreSQL that clients are told: what they ask of its catalog depends on it.
	serverVersion = "15.0 (millrace)"
)

// start takes a connection from its first byte to the first query.
func (c *connection) start(ctx context.Context) error {
	if err := c.conn.SetDeadline(time.Now().Add(startPatience)); err != nil {
		return err
	}
	c.wire = pgproto3.NewBackend(c.conn, c.conn)
	hello, err := c.greet(ctx)
	if err != nil {
		return err
	}
	if _, secure := c.conn.(*tls.Conn); c.server.cfg.TLS != nil && !secure && !local(c.conn) {
		return c.turnAway("28000", errors.New("a password from another machine has to come by TLS: sslmode=verify-full"))
	}
	if err := c.login(hello.Parameters["user"]); err != nil {
		return err
	}
	if !c.server.register(c) {
		return c.turnAway("53300", fmt.Errorf("there are %d connections, and no more are served", c.server.cfg.MaxConnections))
	}
	if c.session, err = query.Open(ctx, c.server.cfg.Query); err != nil {
		return c.turnAway("XX000", err)
	}
	c.wire.Send(&pgproto3.AuthenticationOk{})
	for name, value := range parameters {
		c.wire.Send(&pgproto3.ParameterStatus{Name: name, Value: value})
	}
	c.wire.Send(&pgproto3.BackendKeyData{ProcessID: c.id, SecretKey: c.secret})
	c.wire.Send(&pgproto3.ReadyForQuery{TxStatus: c.state()})
	if err := c.wire.Flush(); err != nil {
		return err
	}
	return c.conn.SetDeadline(time.Time{})
}

// greet answers what comes before a start-up message: the wish for TLS, which is met if there is a certificate, and the wish to
// cancel another connection's statement.
func (c *connection) greet(ctx context.Context) (*pgproto3.StartupMessage, error) {
	for {
		message, err := c.wire.ReceiveStartupMessage()
		if err != nil {
			return nil, errDone // a probe of the port, or somebody who speaks another protocol
		}
		switch m := message.(type) {
		case *pgproto3.StartupMessage:
			return m, nil
		case *pgproto3.CancelRequest:
			c.server.cancel(m.ProcessID, m.SecretKey)
			return nil, errDone
		case *pgproto3.SSLRequest:
			if err := c.encrypt(ctx); err != nil {
				return nil, err
			}
		default:
			if _, err := c.conn.Write([]byte("N")); err != nil {
				return nil, err
			}
		}
	}
}

// encrypt begins TLS, or says that there is none.
func (c *connection) encrypt(ctx context.Context) error {
	if _, already := c.conn.(*tls.Conn); already || c.server.cfg.TLS == nil {
		_, err := c.conn.Write([]byte("N"))
		return err
	}
	if _, err := c.conn.Write([]byte("S")); err != nil {
		return err
	}
	secure := tls.Server(c.conn, c.server.cfg.TLS)
	if err := secure.HandshakeContext(ctx); err != nil {
		return err
	}
	c.conn, c.wire = secure, pgproto3.NewBackend(secure, secure)
	return nil
}

// login asks for the password.
func (c *connection) login(user string) error {
	c.wire.SetMaxBodyLen(largestMessage)
	c.wire.Send(&pgproto3.AuthenticationCleartextPassword{})
	if err := errors.Join(c.wire.Flush(), c.wire.SetAuthType(pgproto3.AuthTypeCleartextPassword)); err != nil {
		return err
	}
	message, err := c.wire.Receive()
	if err != nil {
		return errDone // the client has no password yet, and comes again with one
	}
	password, ok := message.(*pgproto3.PasswordMessage)
	if !ok {
		return c.turnAway("08P01", errors.New("a password is expected first"))
	}
	if err := c.server.cfg.Login(user, password.Password); err != nil {
		return c.turnAway("28P01", fmt.Errorf("user %q: %w", user, err))
	}
	return nil
}

// turnAway says why the connection ends.
func (c *connection) turnAway(code string, err error) error {
	c.wire.Send(&pgproto3.ErrorResponse{Severity: "FATAL", SeverityUnlocalized: "FATAL", Code: code, Message: err.Error()})
	return errors.Join(err, c.wire.Flush())
}

// local tells whether the client is on this machine.
func local(conn net.Conn) bool {
	addr, ok := conn.RemoteAddr().(*net.TCPAddr)
	return ok && addr.IP.IsLoopback()
}
