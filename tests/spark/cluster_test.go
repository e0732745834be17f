//go:build spark

package spark

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"millrace/tests/harness"
)

// cluster is a master and two workers of Spark's, processes of their own.
type cluster struct {
	address string
	master  *harness.Process
	workers []*harness.Process
}

// program is one of Spark's own, as pip installs it.
func program(t *testing.T, name string) string {
	t.Helper()
	return filepath.Join(filepath.Dir(python(t)), name)
}

func startCluster(t *testing.T, l *harness.Stack) *cluster {
	t.Helper()
	port := harness.FreePort(t)
	c := &cluster{address: fmt.Sprintf("spark://127.0.0.1:%d", port)}
	env := append(l.Env(t, "reactor"), "SPARK_LOCAL_IP=127.0.0.1", "SPARK_DAEMON_MEMORY=256m", "PYSPARK_PYTHON="+python(t), "TZ=UTC")
	class := program(t, "spark-class")
	master := harness.LaunchFile(t, env, class, "org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", strconv.Itoa(port), "--webui-port", strconv.Itoa(harness.FreePort(t)))
	c.master = master
	await(t, "the master has started", func() bool { return strings.Contains(master.Stderr(), "I have been elected leader") })
	for range 2 {
		w := harness.LaunchFile(t, env, class, "org.apache.spark.deploy.worker.Worker", "-c", "1", "-m", "1500m", "--host", "127.0.0.1", "--webui-port", strconv.Itoa(harness.FreePort(t)), "--work-dir", t.TempDir(), c.address)
		c.workers = append(c.workers, w)
	}
	for _, w := range c.workers {
		await(t, "a worker has joined", func() bool { return strings.Contains(w.Stderr(), "Successfully registered with master") })
	}
	return c
}

// pids are the master's and the workers'.
func (c *cluster) pids() []int {
	pids := []int{c.master.PID()}
	for _, w := range c.workers {
		pids = append(pids, w.PID())
	}
	return pids
}

// executors are the processes that the workers have started for tasks.
func (c *cluster) executors(t *testing.T) (pids []int) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		parent, _ := strconv.Atoi(fields[1])
		for _, w := range c.workers {
			if parent == w.PID() {
				pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// submit starts rebuild.py on the cluster by spark-submit, as people do.
func submit(t *testing.T, env []string, c *cluster, args ...string) *harness.Process {
	t.Helper()
	root := harness.Root(t)
	line := append([]string{
		"--master", c.address, "--properties-file", filepath.Join(root, "infra", "spark", properties()),
		"--conf", "spark.jars.ivy=" + filepath.Join(root, venv(), "ivy"), "--conf", "spark.driver.host=127.0.0.1", "--conf", "spark.driver.memory=1g",
		"--conf", "spark.executor.memory=800m", "--conf", "spark.sql.shuffle.partitions=4", "--conf", "spark.ui.enabled=false",
		filepath.Join(root, "infra", "spark", "rebuild.py"), "--reactor", harness.Program(t, "reactor"),
	}, args...)
	return harness.LaunchFile(t, append(env, "PYSPARK_DRIVER_PYTHON="+python(t), "PYTHONDONTWRITEBYTECODE=1"), program(t, "spark-submit"), line...)
}

// lost is what Spark says of an executor that has ended: the second form when its connection broke before the worker told.
var lost = regexp.MustCompile(`Lost (an )?executor \d`)

// A driver is killed when it has written a table, and an executor of the run that goes on from there. Nobody sees anything of the
// branch until it is complete, and then it is what bronze gives.
func TestAClusterWhoseDriverAndExecutorAreKilled(t *testing.T) {
	l := harness.Start(t, harness.WithoutReactor())
	folder, list := generate(t, python(t))
	put(t, l, folder, list)
	env := environment(t, l, l.StartIceberg(t, nil), "unused")
	c := startCluster(t, l)
	const name = "by-a-cluster"
	state := []string{name, "--state", filepath.Join(t.TempDir(), "state")}

	began := time.Now()
	first := submit(t, env, c, state...)
	await(t, "the first run has written a table", func() bool { return first.Ended() || strings.Contains(said(first), "[1/7]") })
	if first.Ended() {
		t.Fatalf("the first run ended by itself:\n%s", tail(first))
	}
	gone := c.executors(t) // those of the first run end a moment after it
	first.Kill()
	t.Logf("the driver was killed after %.1f s:\n%s", time.Since(began).Seconds(), lines(said(first)))
	for _, table := range harness.Tables {
		if rows := l.Count(t, "select count(*) from "+table); rows != 0 {
			t.Errorf("after the driver was killed %s shows %d rows", table, rows)
		}
	}
	if r := l.Run(t, "reactor", "publish", name); r.Code == 0 {
		t.Errorf("a branch that is not complete can be published: %s", r)
	}

	second := submit(t, env, c, state...)
	var own []int
	await(t, "the second run goes on and works", func() bool {
		own = slices.DeleteFunc(c.executors(t), func(pid int) bool { return slices.Contains(gone, pid) })
		return second.Ended() || strings.Contains(said(second), "[1/7]") && len(own) == 2
	})
	if second.Ended() {
		t.Fatalf("the second run ended too early:\n%s", tail(second))
	}
	harness.Kill9(t, own[0])
	await(t, "the second run ends", second.Ended)
	if end := second.Wait(t); end.Code != 0 {
		t.Fatalf("the second run: exit code %d\n%s", end.Code, tail(second))
	}
	log := said(second)
	t.Logf("%d objects, two runs, %.1f s:\n%s", len(list), time.Since(began).Seconds(), lines(log))
	if !strings.Contains(log, "goes on with run") || !strings.Contains(log, "was written before") {
		t.Errorf("the second run did not go on from the first:\n%s", lines(log))
	}
	if !lost.MatchString(log) {
		t.Error("no executor was lost: the test has killed nothing")
	}
	branchIsEqual(t, l, name)
	l.Reactor(t, "publish", name)
	current := l.Current(t)
	l.StartReactor(t) // it makes dead letters of what cannot be read
	l.AwaitLedger(t, len(list))
	l.Settled(t)
	same(t, l, "after the reactor has started", current)
	l.CheckEqual(t)
}

// said is all that a run has said: spark-submit prints Spark's log on stderr and the program's on stdout.
func said(p *harness.Process) string { return p.Stderr() + p.Stdout() }

func tail(p *harness.Process) string {
	text := said(p)
	return text[max(0, len(text)-8000):]
}
