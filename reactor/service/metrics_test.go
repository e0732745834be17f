package service

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"millrace/infra/bucket"
	"millrace/reactor/airflow"
	"millrace/reactor/console"
	"millrace/reactor/gauge"
	"millrace/reactor/promote"
	"millrace/reactor/reconcile"
	"millrace/reactor/rest"
	"millrace/reactor/upkeep"
)

// recorder keeps what is registered: name, labels, help.
type recorder struct{ metrics map[string]metric }

type metric struct{ labels, help string }

var described = regexp.MustCompile(`fqName: "([^"]*)", help: "([^"]*)".*variableLabels: \{([^}]*)\}`)

func (r recorder) MustRegister(all ...prometheus.Collector) {
	for _, c := range all {
		if err := r.Register(c); err != nil {
			panic(err)
		}
	}
}

func (r recorder) Register(c prometheus.Collector) error {
	out := make(chan *prometheus.Desc)
	go func() { c.Describe(out); close(out) }()
	for d := range out {
		m := described.FindStringSubmatch(d.String())
		if m == nil {
			return fmt.Errorf("a description of another form: %s", d)
		}
		r.metrics[m[1]] = metric{strings.ReplaceAll(m[3], ",", ", "), m[2]}
	}
	return nil
}

func (r recorder) Unregister(prometheus.Collector) bool { return false }

// registered are all metrics of `reactor run` but those of Go and of the process. What a running one shows is held against
// the same table by tests/observe.
func registered() map[string]metric {
	r := recorder{map[string]metric{}}
	promote.NewMetrics(r)
	reconcile.NewMetrics(r)
	upkeep.NewMetrics(r)
	airflow.New("", nil, nil, slog.Default(), r)
	reconcile.NewCovers(bucket.Bucket{}, nil, nil, r)
	rest.New(rest.Config{Registry: r})
	console.New(console.Config{Log: slog.Default(), Registry: r})
	r.MustRegister(&gauge.Collector{}, stuckGauge(nil))
	return r.metrics
}

var row = regexp.MustCompile("(?m)^\\| `(millrace_[a-z_]+)` \\| ([^|]*) \\| ([^|]*) \\|$")

func TestTheTableOfMetricsIsWhatIsRegistered(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	all := registered()
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		got, ok := all[m[1]]
		if !ok {
			t.Errorf("docs/metrics.md has %s, which is not registered", m[1])
		} else if strings.TrimSpace(m[2]) != got.labels || strings.TrimSpace(m[3]) != got.help {
			t.Errorf("docs/metrics.md must say: | `%s` | %s | %s |", m[1], got.labels, got.help)
		}
		delete(all, m[1])
	}
	for name, m := range all {
		t.Errorf("docs/metrics.md lacks: | `%s` | %s | %s |", name, m.labels, m.help)
	}
}

// Base units, and _total for what only grows (https://prometheus.io/docs/practices/naming).
func TestMetricsHaveStandardNames(t *testing.T) {
	for name := range registered() {
		if regexp.MustCompile(`_(ms|milliseconds|minutes|hours|kb|mb|percent)$`).MatchString(name) {
			t.Errorf("%s is not in base units", name)
		}
	}
}

// named are the metrics that dashboards and rules speak of.
var named = regexp.MustCompile(`\b(millrace_[a-z_]+|process_[a-z_]+|go_[a-z_]+)\b`)

// ofProcess are those of Go's and the process's own collectors that may be used.
var ofProcess = []string{"process_resident_memory_bytes", "process_cpu_seconds_total", "process_start_time_seconds", "process_open_fds", "process_max_fds", "go_goroutines"}

func TestDashboardsAndAlertsSpeakOfMetricsThatThereAre(t *testing.T) {
	all := registered()
	for _, name := range ofProcess {
		all[name] = metric{}
	}
	var files []string
	for _, pattern := range []string{"../../infra/grafana/*.json", "../../infra/prometheus/*.yaml"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v, %v", pattern, found, err)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, name := range named.FindAllString(string(text), -1) {
			base := name
			if _, ok := all[name]; !ok {
				base = regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, "")
			}
			if _, ok := all[base]; !ok {
				t.Errorf("%s speaks of %s, which is not registered", file, name)
			}
			n++
		}
		if n == 0 && !strings.Contains(file, "prometheus.yaml") {
			t.Errorf("%s speaks of no metric", file)
		}
	}
}
