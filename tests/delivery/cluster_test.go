package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"millrace/infra/nats"
	"millrace/infra/streams"
	"millrace/reactor/stream"
	"millrace/tests/harness"
	"millrace/tests/postgres"
)

// servers is how many nats-servers a cluster has, and how many keep each stream.
const servers = 3

// cluster is three nats-servers, as infra/nats/cluster.conf sets them up. They reach each other, and others reach them, by lines only: what
// a server tells of its own address leads nowhere. Nobody but the test starts a dead one again.
type cluster struct {
	processes       [servers]*harness.Process
	ports, monitors [servers]int
	clients         [servers]*line          // from the reactors and MinIO to a server
	routes          [servers][servers]*line // from a server to each of the others
	listens         [servers]int            // for routes
}

// addresses are where the servers are, past the lines.
func (c *cluster) addresses() (all []string) {
	for _, port := range c.ports {
		all = append(all, fmt.Sprintf("127.0.0.1:%d", port))
	}
	return all
}

// newClusterLab starts three nats-servers, two reactors and one PostgreSQL. MinIO's targets are two of the servers.
func newClusterLab(t testing.TB, dir string) *lab {
	t.Helper()
	l := layLab(t, dir, postgres.New(t).Database(t), nil)
	l.reactorEnv = []string{fmt.Sprintf("MILLRACE_NATS_REPLICAS=%d", servers)}
	c := &cluster{}
	l.cluster = c
	for i := range servers {
		c.ports[i], c.monitors[i], c.listens[i] = harness.FreePort(t), harness.FreePort(t), harness.FreePort(t)
		c.clients[i] = newLine(t, c.ports[i])
	}
	for i := range servers {
		for j := range servers {
			if i != j {
				c.routes[i][j] = newLine(t, c.listens[j])
			}
		}
	}
	l.pair = &pair{ways: [2][]*line{c.clients[:], c.clients[:]}}
	l.open(t)
	for i := range servers {
		l.startServer(t, i)
	}
	l.agree(t)
	harness.Eventually(t, "the streams are made", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		return streams.Ensure(ctx, streams.Client{JetStream: l.JetStream(t), Replicas: servers}) == nil
	})
	l.startStore(t)
	l.startMember(t, 0)
	l.startMember(t, 1)
	l.share(t)
	return l
}

// startServer starts one of the three by the file that people copy. Ports and folders are the test's.
func (l *lab) startServer(t testing.TB, n int) {
	t.Helper()
	c, secret := l.cluster, l.secret.Reveal()
	var routes []string
	for _, way := range c.routes[n] {
		if way != nil {
			routes = append(routes, strconv.Quote("nats-route://route:"+secret+"@"+way.address()))
		}
	}
	env := append(os.Environ(), fmt.Sprintf("MILLRACE_NATS_NAME=nats-%d", n+1), "MILLRACE_NATS_ROUTES=["+strings.Join(routes, ", ")+"]", "MILLRACE_NATS_ROUTE_PASSWORD="+secret)
	for _, user := range nats.Users {
		env = append(env, "MILLRACE_NATS_"+strings.ToUpper(user)+"_PASSWORD="+secret)
	}
	args := []string{
		"--config", l.serverConfig(t, n), "--log", filepath.Join(l.dir, "log", fmt.Sprintf("nats-%d.log", n+1)),
		"--addr", "127.0.0.1", "--port", fmt.Sprint(c.ports[n]), "--http_port", fmt.Sprint(c.monitors[n]),
		"--cluster", fmt.Sprintf("nats://route:%s@127.0.0.1:%d", secret, c.listens[n]),
		"--cluster_advertise", "127.0.0.1:1", "--no_advertise", // nobody listens there: the lines are the only ways
	}
	c.processes[n] = harness.LaunchFile(t, env, harness.NATSServer(t), args...)
}

// serverConfig copies the files that people copy. The one change is the folder of the streams, which nats-server takes from there alone.
func (l *lab) serverConfig(t testing.TB, n int) string {
	t.Helper()
	dir := filepath.Join(l.dir, fmt.Sprintf("nats-%d", n+1))
	for _, file := range []string{"images/nats.conf", "nats/cluster.conf"} {
		text, err := os.ReadFile(filepath.Join(harness.Root(t), "infra", file))
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			t.Fatal(err)
		}
		changed := strings.Replace(string(text), `store_dir: "/data"`, fmt.Sprintf("store_dir: %q", filepath.Join(dir, "data")), 1)
		if err := os.WriteFile(to, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "nats", "cluster.conf")
}

// agree waits until each server says that it keeps up with the others.
func (l *lab) agree(t testing.TB) {
	t.Helper()
	for n, port := range l.cluster.monitors {
		harness.Eventually(t, fmt.Sprintf("nats-server %d agrees with the others", n+1), func() bool { return healthy(t, port) == nil })
	}
}

func healthy(t testing.TB, port int) error {
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/healthz", port), nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", answer.Status, text)
	}
	return errors.Join(err, answer.Body.Close())
}

// share gives some of the first reactor's tables to the second, as `nats consumer unpin` does.
func (l *lab) share(t testing.TB) {
	t.Helper()
	s, err := l.JetStream(t).Stream(t.Context(), streams.Events)
	if err != nil {
		t.Fatal(err)
	}
	for _, consumer := range []string{stream.SilverConsumer("asset_prices"), stream.GoldConsumer} {
		if err := s.UnpinConsumer(t.Context(), consumer, stream.PinGroup); err != nil {
			t.Fatalf("unpin %s: %v", consumer, err)
		}
	}
}

// shares says how many commits each reactor has made, and fails the test unless both have made some.
func (l *lab) shares(t testing.TB) string {
	t.Helper()
	l.replicated(t)
	var each []string
	for n, r := range l.pair.reactors {
		commits := 0.0
		for name, value := range harness.Metrics(t, r.Addr) {
			if strings.HasPrefix(name, "millrace_commits_total{") {
				commits += value
			}
		}
		if commits == 0 {
			t.Errorf("reactor %d has made no commit: the reactors did not share the tables", n+1)
		}
		each = append(each, fmt.Sprintf("%.0f", commits))
	}
	return "the reactors made " + strings.Join(each, " and ") + " commits"
}

// replicated fails the test unless three servers keep each stream, also after a program without the setting has made them.
func (l *lab) replicated(t testing.TB) {
	t.Helper()
	js := l.JetStream(t)
	harness.Eventually(t, "the streams are brought up to date", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		return streams.Ensure(ctx, js) == nil
	})
	for _, name := range []string{streams.Raw, streams.Events, streams.Again, streams.DeadLetters, streams.Advisories} {
		s, err := js.Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if n := s.CachedInfo().Config.Replicas; n != servers {
			t.Errorf("%d servers keep stream %s, want %d", n, name, servers)
		}
	}
}

// cutOff freezes all lines of a server: a cable that was pulled.
func (l *lab) cutOff(t testing.TB, n int) (mend func()) {
	t.Helper()
	lines := []*line{l.cluster.clients[n]}
	for i := range servers {
		for j := range servers {
			if i != j && (i == n || j == n) {
				lines = append(lines, l.cluster.routes[i][j])
			}
		}
	}
	for _, x := range lines {
		x.freeze(t)
	}
	return func() {
		for _, x := range lines {
			x.clear(t)
		}
	}
}

func clusterFaults() []fault {
	const down = 20 * time.Second
	return []fault{{
		name: "kill -9 one of three nats-servers", lay: newClusterLab,
		sees: "the others work on, after some seconds where it led",
		inject: func(t testing.TB, l *lab, ld *harness.Load, random *rand.Rand) string {
			for n := range servers { // one of them leads; two are MinIO's
				time.Sleep(time.Duration(random.IntN(1500)) * time.Millisecond)
				l.cluster.processes[n].Kill()
				l.flows(t, ld, 40)
				l.startServer(t, n)
				l.agree(t)
			}
			return "each in turn; " + l.shares(t)
		},
	}, {
		name: "network cut: one of three nats-servers from everything", lay: newClusterLab,
		sees: "the others work on, after some seconds where it led; a program that was connected to it takes another after 15 s",
		inject: func(t testing.TB, l *lab, ld *harness.Load, random *rand.Rand) string {
			n := random.IntN(servers)
			mend := l.cutOff(t, n)
			time.Sleep(down)
			mend()
			l.agree(t)
			return fmt.Sprintf("for %s; %s", down, l.shares(t))
		},
	}, {
		name: "kill -9 one of three nats-servers while another is cut off", lay: newClusterLab,
		sees: "tables stand still: one of three may not decide; MinIO's queue holds the events until two are there",
		inject: func(t testing.TB, l *lab, ld *harness.Load, random *rand.Rand) string {
			gone, off := random.IntN(servers), 0
			off = (gone + 1 + random.IntN(servers-1)) % servers
			mend := l.cutOff(t, off)
			l.cluster.processes[gone].Kill()
			time.Sleep(down)
			mend()
			l.startServer(t, gone)
			l.agree(t)
			return fmt.Sprintf("for %s; %s", down, l.shares(t))
		},
	}}
}
