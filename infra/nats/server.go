// Package nats embeds a nats-server with JetStream into the stack, so that a laptop needs no broker of its own.
// Messages are on disk before they are acknowledged, it listens on loopback only, and each program signs in as a user
// that may do no more than its job.
package nats

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	natsclient "github.com/nats-io/nats.go"

	"millrace/infra/settings"
)

// readyWithin is how long the server may take to accept connections. It takes 32 ms on an empty store; a large one has
// its message blocks checked first.
const readyWithin = 60 * time.Second

// maxStore is more than the bounds of all streams together: those bound the disk that they take.
const maxStore = 64 << 30

// Config says where the server keeps its streams and who may sign in.
type Config struct {
	Dir   string    // JetStream's store
	Port  int       // 0 takes a free one
	Users Passwords // all of them are required
	Log   io.Writer // the server's own log
}

// Server is a running nats-server inside this process.
type Server struct {
	server  *server.Server
	users   Passwords
	stopped chan struct{}
	once    sync.Once
}

// Start starts a server and returns when clients can connect and JetStream is there.
func Start(cfg Config) (*Server, error) {
	if err := cfg.Users.validate(); err != nil {
		return nil, err
	}
	port := cfg.Port
	if port == 0 {
		port = server.RANDOM_PORT
	}
	ns, err := server.NewServer(&server.Options{
		ServerName: "millrace",
		Host:       "127.0.0.1",
		Port:       port,
		JetStream:  true,
		StoreDir:   cfg.Dir,
		// The default is three quarters of what is free. With less than 4 GB free the streams' limits do not fit into that: a
		// stack on a nearly full disk does not start, and one whose disk was full for a moment never gets its streams back.
		JetStreamMaxStore: maxStore,
		// The default flushes every two minutes, so a power cut would take acknowledged events with it. A publish takes 201 µs
		// in place of 35 µs.
		SyncAlways: true,
		Users:      cfg.Users.users(),
		NoSigs:     true,
		// A message of MinIO's carries the object's whole user metadata, far below the default of 1 MiB.
		MaxPayload: server.MAX_PAYLOAD_SIZE,
	})
	if err != nil {
		return nil, fmt.Errorf("configure nats-server: %w", err)
	}
	log := &serverLog{log: slog.New(slog.NewTextHandler(cfg.Log, nil)), fatal: make(chan string, 1)}
	ns.SetLoggerV2(log, false, false, false)
	ns.Start()
	if err := log.ready(ns); err != nil {
		ns.Shutdown()
		return nil, fmt.Errorf("start nats-server with its store in %s: %w", cfg.Dir, err)
	}
	s := &Server{server: ns, users: cfg.Users, stopped: make(chan struct{})}
	go s.keepJetStream(cfg, log.log)
	return s, nil
}

// jetStreamAgain is how often JetStream is started again while its disk is full.
const jetStreamAgain = 2 * time.Second

// keepJetStream starts JetStream again after its disk was full. nats-server then switches it off, or goes on with streams
// that refuse every message, and every event would wait until somebody starts the stack again.
func (s *Server) keepJetStream(cfg Config, log *slog.Logger) {
	tick := time.NewTicker(jetStreamAgain)
	defer tick.Stop()
	for {
		select {
		case <-s.stopped:
			return
		case <-tick.C:
		}
		if !s.server.Running() {
			continue
		}
		if s.server.JetStreamEnabled() {
			reason := s.writeError()
			if reason == "" {
				continue
			}
			log.Warn("a stream takes no more messages after a failed write; JetStream is started again", "reason", reason)
			if err := s.server.ShutdownJetStream(); err != nil {
				log.Warn("JetStream cannot be stopped", "error", err)
				continue
			}
		} else {
			log.Warn("JetStream has switched itself off, as it does when its disk is full; it is started again", "store", cfg.Dir)
		}
		if err := s.server.EnableJetStream(&server.JetStreamConfig{StoreDir: cfg.Dir, MaxStore: maxStore}); err != nil {
			log.Warn("JetStream cannot start: free space on its disk", "store", cfg.Dir, "error", err)
		}
	}
}

// writeError returns the error of a stream whose disk was full, or nothing. Only the text of the health report tells it from
// other failures, which a new start would not mend.
func (s *Server) writeError() string {
	for _, e := range s.server.Healthz(&server.HealthzOptions{Details: true}).Errors {
		if strings.Contains(e.Error, "write error") {
			return e.Error
		}
	}
	return ""
}

// Port returns the port on 127.0.0.1 that the server listens on.
func (s *Server) Port() int { return s.server.Addr().(*net.TCPAddr).Port }

// Address returns host:port, as MinIO's notification target wants it.
func (s *Server) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port())) }

// URL returns the address where clients connect as user, with the password in it.
func (s *Server) URL(user string) settings.Secret {
	u := url.URL{Scheme: "nats", User: url.UserPassword(user, s.users[user].Reveal()), Host: s.Address()}
	return settings.Secret(u.String())
}

// Connect gives a connection inside this process, signed in as user.
func (s *Server) Connect(user string) (*natsclient.Conn, error) {
	nc, err := natsclient.Connect("", natsclient.InProcessServer(s.server), natsclient.Name("stack"),
		natsclient.UserInfo(user, s.users[user].Reveal()))
	if err != nil {
		return nil, fmt.Errorf("connect to the embedded nats-server as %s: %w", user, err)
	}
	return nc, nil
}

// Stop closes every connection and flushes the streams.
func (s *Server) Stop() {
	s.once.Do(func() { close(s.stopped) })
	s.server.Shutdown()
	s.server.WaitForShutdown()
}

// serverLog hands nats-server's log to slog and keeps what it calls fatal. An embedded server logs the reason why it did not
// start and returns no error.
type serverLog struct {
	log   *slog.Logger
	fatal chan string
}

func (l *serverLog) Noticef(format string, v ...any) { l.log.Info(fmt.Sprintf(format, v...)) }
func (l *serverLog) Warnf(format string, v ...any)   { l.log.Warn(fmt.Sprintf(format, v...)) }
func (l *serverLog) Errorf(format string, v ...any)  { l.log.Error(fmt.Sprintf(format, v...)) }
func (l *serverLog) Debugf(format string, v ...any)  { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l *serverLog) Tracef(format string, v ...any)  { l.log.Debug(fmt.Sprintf(format, v...)) }

func (l *serverLog) Fatalf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	l.log.Error(text)
	select {
	case l.fatal <- text:
	default: // the first reason counts
	}
}

// ready waits until clients can connect, or for the reason why they never will.
func (l *serverLog) ready(ns *server.Server) error {
	up := make(chan bool, 1)
	go func() { up <- ns.ReadyForConnections(readyWithin) }()
	select {
	case reason := <-l.fatal:
		return errors.New(reason)
	case ok := <-up:
		if !ok {
			return fmt.Errorf("no connection accepted within %s", readyWithin)
		}
	}
	if !ns.JetStreamEnabled() {
		select {
		case reason := <-l.fatal:
			return errors.New(reason)
		default:
			return errors.New("JetStream did not start")
		}
	}
	return nil
}
