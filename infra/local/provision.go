package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	natsclient "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/cli"
	"millrace/infra/minio"
	"millrace/infra/settings"
	"millrace/infra/streams"
)

// provision is the command that sets up a NATS and a MinIO that run already, as `up` sets up its own.
type provision struct {
	settings.S3
	settings.NATS
	Within time.Duration `default:"1m" placeholder:"DURATION" help:"Wait this long for both to answer."`
}

// Help says whose credentials it takes and shows an example.
func (provision) Help() string {
	return `Makes the streams, the bucket, the users with their policies, and the notification rules, or brings them up to date; it can be
run again at any time. The S3 credentials are those of MinIO's root user, the NATS user must own the streams. The users'
secret keys come from the environment: ` + strings.Join(secretVariables(), ", ") + `.

Example, with all of it in the environment:
  stack provision --within 30s`
}

// Run provisions both.
func (p provision) Run(ctx context.Context, _ *cli.Output) error {
	secrets, err := userSecrets(os.Getenv)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, p.Within, fmt.Errorf("it was not done within %s (--within)", p.Within))
	defer cancel()
	// Streams come before the rules: what MinIO publishes to a subject without a stream is lost.
	if err := p.streams(ctx); err != nil {
		return err
	}
	if err := minio.Provision(ctx, p.S3, secrets); err != nil {
		return err
	}
	slog.Info("streams, bucket, users and rules are in place", "bucket", p.Bucket)
	return nil
}

func (p provision) streams(ctx context.Context) error {
	conn, err := p.await(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	// The servers of a cluster answer some seconds before they have agreed on who leads.
	for {
		err := streams.Ensure(ctx, streams.Client{JetStream: js, Replicas: p.NATSReplicas})
		if !unled(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// unled tells whether a cluster has nobody yet who could make a stream.
func unled(err error) bool {
	var refused *jetstream.APIError
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, natsclient.ErrNoResponders) || errors.Is(err, jetstream.ErrJetStreamNotEnabled) ||
		errors.As(err, &refused) && (refused.ErrorCode == noLeader || refused.ErrorCode == noPeers)
}

// Codes of JetStream's errors.
const (
	noLeader jetstream.ErrorCode = 10008 // temporarily unavailable
	noPeers  jetstream.ErrorCode = 10005 // too few servers know each other
)

// await tries to connect until the server answers.
func (p provision) await(ctx context.Context) (*natsclient.Conn, error) {
	for {
		conn, err := p.Connect(ctx, "provision")
		switch {
		case err == nil || errors.Is(err, natsclient.ErrAuthorization): // no waiting mends a wrong password
			return conn, err
		case ctx.Err() != nil:
			return nil, fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// secretVariable names the variable that holds the secret key of an S3 user.
func secretVariable(user string) string { return "MILLRACE_" + strings.ToUpper(user) + "_SECRET_KEY" }

func secretVariables() []string {
	var names []string
	for _, user := range minio.Users {
		names = append(names, secretVariable(user))
	}
	return names
}

func userSecrets(get func(string) string) (map[string]settings.Secret, error) {
	secrets := map[string]settings.Secret{}
	var missing []string
	for _, user := range minio.Users {
		name := secretVariable(user)
		if secrets[user] = settings.Secret(get(name)); secrets[user] == "" {
			missing = append(missing, name)
		}
	}
	if missing != nil {
		return nil, cli.Usage("the environment lacks the secret keys of S3 users: %s", strings.Join(missing, ", "))
	}
	return secrets, nil
}

// quarantine is the command that a container runs before MinIO, as minio.Start does before its child.
type quarantine struct {
	Queue string `arg:"" help:"Folder of MinIO's event queue."`
	Kept  string `arg:"" help:"Folder that broken files are moved to."`
}

// Help says why and shows an example.
func (quarantine) Help() string {
	return `One broken file in the queue blocks all events behind it, or has MinIO panic at every start. Run it before each start of a MinIO
that no stack looks after; the reactor's reconciler finds the objects of the files it takes out.

Example:
  stack quarantine /events/queue /events/quarantine`
}

// Run moves broken files and prints a row for each.
func (q quarantine) Run(_ context.Context, out *cli.Output) error {
	poisoned, err := minio.Quarantine(q.Queue, q.Kept, time.Now())
	var rows [][]any
	for _, p := range poisoned {
		rows = append(rows, []any{p.Path, p.Reason, p.Kept})
	}
	if rows != nil {
		err = errors.Join(err, out.Table([]string{"file", "reason", "kept"}, rows))
	}
	return err
}
