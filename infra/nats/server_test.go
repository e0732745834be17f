package nats

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	natsclient "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/settings"
)

func passwords() Passwords {
	return Passwords{UserMinIO: "password-of-minio", UserReactor: "password-of-reactor", UserOwner: "password-of-owner"}
}

func start(t *testing.T, dir string) *Server {
	t.Helper()
	s, err := Start(Config{Dir: dir, Users: passwords(), Log: &bytes.Buffer{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

func connect(t *testing.T, url settings.Secret, opts ...natsclient.Option) *natsclient.Conn {
	t.Helper()
	conn, err := natsclient.Connect(url.Reveal(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

func TestStreamsOutliveTheServer(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir)
	js, err := jetstream.New(connect(t, s.URL(UserReactor)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "RAW", Subjects: []string{"lake.raw.>"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "lake.raw.fast", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	s.Stop()
	s = start(t, dir)
	nc, err := s.Connect(UserOwner)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if js, err = jetstream.New(nc); err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), "RAW")
	if err != nil {
		t.Fatal(err)
	}
	message, err := stream.GetMsg(t.Context(), 1)
	if err != nil || string(message.Data) != "kept" {
		t.Errorf("the message is %v, %v", message, err)
	}
}

func TestMinIOMayPublishRawEventsAndNothingElse(t *testing.T) {
	s := start(t, t.TempDir())
	owner := connect(t, s.URL(UserOwner))
	js, err := jetstream.New(owner)
	if err != nil {
		t.Fatal(err)
	}
	for name, subject := range map[string]string{"RAW": "lake.raw.>", "EV": "lake.ev.>"} {
		if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: name, Subjects: []string{subject}}); err != nil {
			t.Fatal(err)
		}
	}
	refused := make(chan error, 10)
	conn := connect(t, s.URL(UserMinIO), natsclient.ErrorHandler(func(_ *natsclient.Conn, _ *natsclient.Subscription, err error) { refused <- err }))
	minio, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := minio.Publish(t.Context(), "lake.raw.safe", []byte("event")); err != nil {
		t.Errorf("a raw event is refused: %v", err)
	}
	attempts := map[string]func() error{
		"publish a routed event": func() error { return conn.Publish("lake.ev.bronze.coincap.assets", []byte("forged")) },
		"delete a stream":        func() error { return conn.PublishRequest("$JS.API.STREAM.DELETE.RAW", "_INBOX.x", nil) },
		"listen to events":       func() error { _, err := conn.SubscribeSync("lake.>"); return err },
	}
	for what, attempt := range attempts {
		if err := attempt(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		select {
		case err := <-refused:
			if !strings.Contains(err.Error(), "Permissions Violation") {
				t.Errorf("%s: %v", what, err)
			}
		case <-time.After(30 * time.Second):
			t.Errorf("MinIO may %s", what)
		}
	}
	if _, err := js.Stream(t.Context(), "RAW"); err != nil {
		t.Errorf("the stream is gone: %v", err)
	}
}

func TestNobodyGetsInWithoutAPassword(t *testing.T) {
	s := start(t, t.TempDir())
	for _, url := range []string{"nats://" + s.Address(), "nats://owner@" + s.Address(), "nats://owner:wrong@" + s.Address(), "nats://sys:sys@" + s.Address()} {
		if conn, err := natsclient.Connect(url); err == nil {
			conn.Close()
			t.Errorf("%s got in", url)
		}
	}
	if shown := fmt.Sprintf("%v %+v %s", passwords(), Config{Users: passwords()}, s.URL(UserOwner)); strings.Contains(shown, "password-of") {
		t.Errorf("a password shows in %s", shown)
	}
}

func TestAnUnusableStoreIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(Config{Dir: file, Users: passwords(), Log: &bytes.Buffer{}}); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("error is %v", err)
	}
}

func TestATakenPortIsAnError(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	port := listener.Addr().(*net.TCPAddr).Port
	_, err = Start(Config{Dir: t.TempDir(), Port: port, Users: passwords(), Log: &bytes.Buffer{}})
	if err == nil || !strings.Contains(err.Error(), fmt.Sprint(port)) {
		t.Errorf("error is %v", err)
	}
}

func TestAUserWithoutPasswordIsRefused(t *testing.T) {
	users := passwords()
	delete(users, UserReactor)
	if _, err := Start(Config{Dir: t.TempDir(), Users: users, Log: &bytes.Buffer{}}); err == nil || !strings.Contains(err.Error(), UserReactor) {
		t.Errorf("error is %v", err)
	}
}
