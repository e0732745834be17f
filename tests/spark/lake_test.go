//go:build spark

// Package spark proves that Spark computes the tables that the reactor computes, and that the reactor goes on from there.
package spark

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace/tests/harness"
)

var (
	days  = flag.Int("days", 400, "of made-up prices, up to the middle of 2025")
	older = flag.Bool("older", false, "run on Spark 3.5 and Iceberg 1.10, which task spark:install:older installs")
)

// venv is where `go tool task spark:install` puts Spark, from the repository's root.
func venv() string {
	if *older {
		return ".venv-spark35"
	}
	return ".venv-spark"
}

// properties is the file for spark-submit.
func properties() string {
	if *older {
		return "spark-3.5.properties"
	}
	return "spark.properties"
}

// object is a line of the generator's list, an object to put: its file, or its bytes.
type object struct {
	Key, File string
	Meta      map[string]string
	Body      []byte `json:"-"`
}

// body is what is put.
func (o object) body(folder string) ([]byte, error) {
	if o.Body != nil {
		return o.Body, nil
	}
	return os.ReadFile(filepath.Join(folder, o.File))
}

// generate makes dirty bronze, by tests/exact's generator: nulls, exponents, more decimals than a column has, rows twice, refused
// rows, days fetched again, objects of which nothing can be made.
func generate(t *testing.T, python string) (folder string, list []object) {
	t.Helper()
	folder = t.TempDir()
	cmd := exec.Command(python, "-B", "-m", "recompute", "generate", folder, "--days", fmt.Sprint(*days))
	cmd.Dir = filepath.Join(harness.Root(t), "tests", "exact")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make bronze: %v\n%s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(folder, "objects.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var o object
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatal(err)
		}
		list = append(list, o)
	}
	return folder, list
}

// put puts objects from several writers.
func put(t *testing.T, l *harness.Stack, folder string, list []object) {
	t.Helper()
	const writers = 8
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for i := w; i < len(list); i += writers {
				body, err := list[i].body(folder)
				if err != nil {
					t.Error(err)
					return
				}
				l.Put(t, list[i].Key, body, list[i].Meta)
			}
		})
	}
	group.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// python is Spark's.
func python(t *testing.T) string {
	t.Helper()
	file := filepath.Join(harness.Root(t), venv(), "bin", "python")
	if _, err := os.Stat(file); err != nil {
		t.Fatalf("%v; `go tool task spark:install` (and spark:install:older) installs Spark", err)
	}
	return file
}

// environment is that of a run of infra/spark/rebuild.py on a lake's catalog. master is Spark's, such as local[2].
func environment(t *testing.T, l *harness.Stack, catalog *harness.Iceberg, master string) []string {
	t.Helper()
	root := harness.Root(t)
	return append(l.Env(t, "reactor"), "MILLRACE_ICEBERG_URI="+catalog.URI, "MILLRACE_ICEBERG_TOKEN="+catalog.Token,
		"TZ=UTC", "SPARK_LOCAL_IP=127.0.0.1", "SPARK_CONF_DIR="+filepath.Join(root, "tests", "spark", "conf"), "PYSPARK_PYTHON="+python(t),
		"PYSPARK_SUBMIT_ARGS=--master "+master+" --conf spark.jars.ivy="+filepath.Join(root, venv(), "ivy")+" pyspark-shell")
}

// start starts a run of infra/spark/rebuild.py.
func start(t *testing.T, env []string, args ...string) *harness.Process {
	t.Helper()
	script := filepath.Join(harness.Root(t), "infra", "spark", "rebuild.py")
	return harness.LaunchFile(t, env, python(t), append([]string{"-B", script, "--reactor", harness.Program(t, "reactor")}, args...)...)
}

// within bounds a run on a machine that does other things as well.
const within = 40 * time.Minute

// run runs it to its end, which must be a good one, and returns what it said.
func run(t *testing.T, env []string, args ...string) string {
	t.Helper()
	p := start(t, env, args...)
	await(t, "rebuild.py ends", p.Ended)
	if end := p.Wait(t); end.Code != 0 {
		t.Fatalf("rebuild.py %s: %s", strings.Join(args, " "), end)
	}
	return p.Stderr()
}

// await waits for what may take longer than the harness waits for anything.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", within, what)
		}
	}
}
