package settings

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// NATS is the server that carries the events.
type NATS struct {
	URL   Secret `name:"nats-url" env:"MILLRACE_NATS_URL" default:"nats://127.0.0.1:4222" placeholder:"URL" help:"NATS server, or the servers of a cluster with commas between them; may hold user:password@ (then better given by the environment)."`
	Creds string `name:"nats-creds" env:"MILLRACE_NATS_CREDS" placeholder:"FILE" help:"NATS credentials file, in place of a password."`
	// NATSCAFile counts for tls:// addresses, and for any server that asks for TLS.
	NATSCAFile string `name:"nats-ca-file" env:"MILLRACE_NATS_CA_FILE,MILLRACE_CA_FILE" placeholder:"FILE" help:"PEM file of the authority that signed the NATS server's certificate, when the system does not know it."`
	// NATSReplicas counts for the streams that a program makes or brings up to date.
	NATSReplicas int `name:"nats-replicas" env:"MILLRACE_NATS_REPLICAS" enum:"0,1,3,5" default:"0" placeholder:"N" help:"How many servers of a NATS cluster keep each stream: 1, 3 or 5. 0 leaves the streams as they are, and makes new ones on one server."`
}

// Connect returns a connection that tells the server name, and that reconnects for ever once it is made. If the first attempt
// fails, that is an error at once: a wrong address must not look like a slow server.
func (n NATS) Connect(ctx context.Context, name string, opts ...nats.Option) (*nats.Conn, error) {
	shown := redact(n.URL.Reveal())
	if n.Creds != "" {
		if _, err := os.Stat(n.Creds); err != nil {
			return nil, fmt.Errorf("read the NATS credentials file (MILLRACE_NATS_CREDS): %w", err)
		}
	}
	all := []nats.Option{
		nats.Name(name),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.Timeout(5 * time.Second),
		// A server that is gone without a word is missed after 15 s, and another one of the cluster is taken. The default is six minutes.
		nats.PingInterval(5 * time.Second),
		nats.MaxPingsOutstanding(2),
	}
	if n.Creds != "" {
		all = append(all, nats.UserCredentials(n.Creds))
	}
	if n.NATSCAFile != "" {
		tls, err := tlsConfig(n.NATSCAFile, "MILLRACE_NATS_CA_FILE")
		if err != nil {
			return nil, err
		}
		// Not nats.RootCAs, which would refuse a server without TLS: the file may be meant for S3 alone.
		all = append(all, func(o *nats.Options) error { o.TLSConfig = tls; return nil })
	}
	all = append(all, opts...)

	type result struct {
		conn *nats.Conn
		err  error
	}
	done := make(chan result, 1)
	go func() {
		conn, err := nats.Connect(n.URL.Reveal(), all...)
		done <- result{conn, err}
	}()
	select {
	case r := <-done:
		if r.err != nil {
			return nil, connectError(shown, n.URL, r.err)
		}
		return r.conn, nil
	case <-ctx.Done():
		// nats.Connect takes no context: it ends by its own timeout, and what it may still bring is closed.
		go func() {
			if r := <-done; r.err == nil {
				r.conn.Close()
			}
		}()
		return nil, fmt.Errorf("connect to NATS at %s: %w", shown, context.Cause(ctx))
	}
}

func connectError(shown string, address Secret, err error) error {
	switch {
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired):
		return fmt.Errorf("connect to NATS at %s: it refused the user or password (MILLRACE_NATS_URL, MILLRACE_NATS_CREDS): %w; only the owner and the reactor may use NATS, and `eval \"$(.bin/stack env)\"` sets the owner's", shown, err)
	case strings.Contains(shown, "unreadable"):
		return fmt.Errorf("the NATS address (--nats-url, MILLRACE_NATS_URL) cannot be read: it must look like nats://user:password@127.0.0.1:4222")
	case errors.As(err, new(*tls.CertificateVerificationError)):
		return fmt.Errorf("connect to NATS at %s: its certificate is not to be trusted: %w (MILLRACE_CA_FILE names the authority that signed it)", shown, err)
	case strings.Contains(err.Error(), address.Reveal()):
		// Any error that repeats the address would print the password.
		err = errors.New("no connection")
	}
	return &Unanswered{Part: "NATS", Address: shown, Err: fmt.Errorf("connect to NATS at %s: %w", shown, err)}
}
