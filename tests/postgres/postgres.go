// Package postgres runs a PostgreSQL server for tests, on the loopback and with data of its own. It takes the programs that are
// installed: those on the PATH, or where Debian puts them.
package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // driver "pgx"

	"millrace/infra/process"
)

// Server is a running PostgreSQL. Everybody on this machine may log in as anybody.
type Server struct {
	folder, address string
	command         *exec.Cmd
	ended           chan error
	databases       atomic.Int64
}

// Start makes an empty server and returns when it answers.
func Start(ctx context.Context) (*Server, error) {
	programs, err := programs()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "millrace-postgres-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for PostgreSQL: %w", err)
	}
	s := &Server{folder: folder, ended: make(chan error, 1)}
	if err := s.launch(ctx, programs); err != nil {
		return nil, errors.Join(fmt.Errorf("start PostgreSQL: %w", err), os.RemoveAll(folder))
	}
	return s, nil
}

// programs finds the folder of initdb and postgres.
func programs() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.New("PostgreSQL is not installed, and these tests need it: Debian's package is postgresql, Homebrew's postgresql@17")
	}
	return filepath.Dir(slices.Max(found)), nil
}

func (s *Server) launch(ctx context.Context, programs string) error {
	attributes := process.Attributes()
	if os.Getuid() == 0 { // PostgreSQL refuses to run as root
		id, err := servant()
		if err != nil {
			return err
		}
		if err := os.Chown(s.folder, int(id.Uid), int(id.Gid)); err != nil {
			return err
		}
		attributes.Credential = id
	}
	data := filepath.Join(s.folder, "data")
	initdb := exec.CommandContext(ctx, filepath.Join(programs, "initdb"), "-D", data, "-U", "owner", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = attributes, s.folder
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(s.folder, "log"))
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the server has its own
	s.address = net.JoinHostPort("127.0.0.1", port)
	s.command = exec.Command(filepath.Join(programs, "postgres"), "-D", data, "-p", port,
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off")
	s.command.SysProcAttr, s.command.Dir, s.command.Stdout, s.command.Stderr = attributes, s.folder, log, log
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the kernel ends the server when the thread that started it ends
		err := s.command.Start()
		started <- err
		if err == nil {
			s.ended <- s.command.Wait()
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	return s.answers(ctx)
}

// servant is a user without rights that PostgreSQL can run as.
func servant() (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUser := strconv.ParseUint(u.Uid, 10, 32)
		gid, errGroup := strconv.ParseUint(u.Gid, 10, 32)
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(errUser, errGroup)
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody")
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}

// answers waits until the server does.
func (s *Server) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		err := s.do(ctx, "SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case died := <-s.ended:
			log, _ := os.ReadFile(filepath.Join(s.folder, "log")) // for people; the error says enough
			return fmt.Errorf("it ended: %w: %s", died, log)
		case <-ctx.Done():
			return errors.Join(err, s.Stop())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// do runs a statement as the owner of everything, outside the databases of tests.
func (s *Server) do(ctx context.Context, statement string) error {
	db, err := sql.Open("pgx", s.url("owner", "postgres"))
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, statement)
	return errors.Join(err, db.Close())
}

func (s *Server) url(role, database string) string {
	return fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", role, s.address, database)
}

// Stop ends the server and removes its data.
func (s *Server) Stop() error {
	err := s.command.Process.Signal(syscall.SIGQUIT) // at once: nobody needs the data
	<-s.ended                                        //nolint:errcheck // the signal makes it end with an error
	return errors.Join(err, os.RemoveAll(s.folder))
}

// Database makes an empty database and gives its address for its owner.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("lake%d", s.databases.Add(1))
	if err := s.do(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	return s.url("owner", name)
}
