package delivery_test

import (
	"fmt"
	"strings"
	"testing"

	"millrace/tests/harness"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// line is a network connection that can be cut, frozen and slowed down: a proxy of Toxiproxy's inside this process.
type line struct{ proxy *toxiproxy.Proxy }

func newLine(t testing.TB, to int) *line {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	l := &line{toxiproxy.NewProxy(server, "line", fmt.Sprintf("127.0.0.1:%d", harness.FreePort(t)), fmt.Sprintf("127.0.0.1:%d", to))}
	l.mend(t)
	t.Cleanup(l.proxy.Stop)
	return l
}

func (l *line) address() string { return l.proxy.Listen }

// cut closes all connections and refuses new ones.
func (l *line) cut() { l.proxy.Stop() }

// mend takes connections again.
func (l *line) mend(t testing.TB) {
	t.Helper()
	if err := l.proxy.Start(); err != nil {
		t.Fatalf("open the line %s: %v", l.address(), err)
	}
}

// freeze lets connections stand, but nothing comes through: a cable that was pulled.
func (l *line) freeze(t testing.TB) {
	t.Helper()
	l.toxic(t, `{"name":"freeze-up","type":"timeout","stream":"upstream","attributes":{"timeout":0}}`)
	l.toxic(t, `{"name":"freeze-down","type":"timeout","stream":"downstream","attributes":{"timeout":0}}`)
}

// slow adds a delay to each direction, in ms, and bounds the rate, in KB/s.
func (l *line) slow(t testing.TB, ms, rate int) {
	t.Helper()
	for _, s := range []string{"upstream", "downstream"} {
		l.toxic(t, fmt.Sprintf(`{"name":"late-%s","type":"latency","stream":%q,"attributes":{"latency":%d,"jitter":%d}}`, s, s, ms, ms/2))
		l.toxic(t, fmt.Sprintf(`{"name":"narrow-%s","type":"bandwidth","stream":%q,"attributes":{"rate":%d}}`, s, s, rate))
	}
}

func (l *line) toxic(t testing.TB, text string) {
	t.Helper()
	if _, err := l.proxy.Toxics.AddToxicJson(strings.NewReader(text)); err != nil {
		t.Fatalf("disturb the line %s: %v", l.address(), err)
	}
}

// clear ends freeze and slow.
func (l *line) clear(t testing.TB) { l.proxy.Toxics.ResetToxics(t.Context()) }
