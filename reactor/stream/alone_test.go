package stream_test

import (
	"errors"
	"testing"
	"time"

	natsclient "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"millrace/infra/nats"
	"millrace/reactor/stream"
	"millrace/tests/harness"
)

// reactorAndTeller are two connections to one broker: that of a reactor, and that of a command that asks for it.
func reactorAndTeller(t *testing.T) (reactor, teller jetstream.JetStream) {
	t.Helper()
	broker := harness.Broker(t)
	return harness.JetStream(t, broker, nats.UserReactor), harness.JetStream(t, broker, nats.UserOwner)
}

func present(t *testing.T, js jetstream.JetStream) (leave func()) {
	t.Helper()
	leave, err := stream.Present(js)
	if err != nil {
		t.Fatal(err)
	}
	return leave
}

// A command that must not work beside a reactor asks at any moment: just as one begins, connects again, or has ended.
func TestAReactorIsSeenAtEachMomentOfItsLife(t *testing.T) {
	reactor, teller := reactorAndTeller(t)
	if err := stream.Alone(t.Context(), teller); err != nil {
		t.Fatalf("before any reactor: %v", err)
	}
	leave := present(t, reactor)
	for i := range 200 {
		if i%10 == 0 {
			if err := reactor.Conn().ForceReconnect(); err != nil {
				t.Fatal(err)
			}
		}
		if err := stream.Alone(t.Context(), teller); !errors.Is(err, stream.ErrNotAlone) {
			t.Fatalf("question %d beside a reactor: %v", i, err)
		}
	}
	second := present(t, teller)
	leave()
	if err := stream.Alone(t.Context(), teller); !errors.Is(err, stream.ErrNotAlone) {
		t.Errorf("beside the other one of two reactors: %v", err)
	}
	second()
	if err := stream.Alone(t.Context(), teller); err != nil {
		t.Errorf("after the last reactor has left: %v", err)
	}
}

// A broken connection is made again after a quarter of a second.
func TestAReactorIsSeenThatConnectsAgain(t *testing.T) {
	reactor, teller := reactorAndTeller(t)
	if _, err := teller.Conn().Request("lake.reactor", nil, 10*time.Second); !errors.Is(err, natsclient.ErrNoResponders) {
		t.Fatalf("before it is back: %v", err)
	}
	back := make(chan struct{})
	time.AfterFunc(100*time.Millisecond, func() {
		defer close(back)
		if _, err := stream.Present(reactor); err != nil {
			t.Error(err)
		}
	})
	if err := stream.Alone(t.Context(), teller); !errors.Is(err, stream.ErrNotAlone) {
		t.Errorf("beside a reactor that connects again: %v", err)
	}
	<-back
}

func TestAKilledReactorIsNotSeenAnyMore(t *testing.T) {
	reactor, teller := reactorAndTeller(t)
	present(t, reactor)
	reactor.Conn().Close() // as the kernel does for a killed process
	if err := stream.Alone(t.Context(), teller); err != nil {
		t.Error(err)
	}
}

func TestAReactorThatHangsIsStillThere(t *testing.T) {
	reactor, teller := reactorAndTeller(t)
	asked := make(chan struct{}, 1)
	if _, err := reactor.Conn().Subscribe("lake.reactor", func(*natsclient.Msg) { asked <- struct{}{} }); err != nil {
		t.Fatal(err)
	}
	if err := reactor.Conn().FlushTimeout(5 * time.Second); err != nil {
		t.Fatal(err)
	}
	if err := stream.Alone(t.Context(), teller); !errors.Is(err, stream.ErrNotAlone) {
		t.Errorf("beside a reactor that does not answer: %v", err)
	}
	<-asked
}
