package harness

import (
	"io"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/minio"
	"millrace/infra/nats"
	"millrace/infra/process"
	"millrace/infra/settings"
)

// RootPassword is that of minio.Root in a Store.
const RootPassword settings.Secret = "password-of-root"

// Broker starts a nats-server without the rest of a stack. It has no streams.
func Broker(t testing.TB) *nats.Server {
	t.Helper()
	users := nats.Passwords{}
	for _, user := range nats.Users {
		users[user] = brokerPassword(user)
	}
	broker, err := nats.Start(nats.Config{Dir: t.TempDir(), Users: users, Log: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Stop)
	return broker
}

// JetStream connects to a Broker as one of nats.Users.
func JetStream(t testing.TB, broker *nats.Server, user string) jetstream.JetStream {
	t.Helper()
	nc, err := broker.Connect(user)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func brokerPassword(user string) settings.Secret { return settings.Secret("password-of-" + user) }

// Store starts a MinIO without the rest of a stack. It has no bucket. It sends its events to broker; if that is nil, they
// wait in its queue.
func Store(t testing.TB, broker *nats.Server) *minio.Server {
	t.Helper()
	port, err := process.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	address := "127.0.0.1:1" // nobody listens there
	if broker != nil {
		address = broker.Address()
	}
	dir := t.TempDir()
	server, err := minio.Start(t.Context(), minio.Config{
		Binary: MinIO(t), Port: port,
		Dir: filepath.Join(dir, "minio"), Queue: filepath.Join(dir, "queue"), Quarantine: filepath.Join(dir, "quarantine"),
		LogFile: filepath.Join(dir, "minio.log"), PIDFile: filepath.Join(dir, "minio.pid"),
		RootUser: minio.Root, RootPassword: RootPassword,
		NATSAddress: address, NATSUser: nats.UserMinIO, NATSPassword: brokerPassword(nats.UserMinIO), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return server
}
