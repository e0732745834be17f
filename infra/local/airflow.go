package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	api "millrace/infra/airflow"
	"millrace/infra/cli"
	"millrace/infra/process"
	"millrace/infra/settings"
)

const (
	// airflowReadyWithin is enough for the first start, which makes Airflow's database: it takes 25 s on two idle cores.
	airflowReadyWithin = 5 * time.Minute
	// airflowGrace is the time that Airflow's parts have to write down how their tasks ended.
	airflowGrace = 30 * time.Second
	// sourcePool is the pool of the tasks that call CoinCap. It has one slot, because CoinCap limits a key and not a task.
	sourcePool = "coincap"
)

// airflow is the command that runs Airflow beside a running stack.
type airflow struct {
	settings.Home
	Port    int    `env:"MILLRACE_AIRFLOW_PORT" default:"8080" help:"Port of Airflow's user interface and API; 0 takes a free one."`
	Program string `env:"MILLRACE_AIRFLOW" placeholder:"FILE" help:"Airflow's program (default: .venv/bin/airflow beside the folder of this program)."`
	DAGs    string `name:"dags" env:"MILLRACE_DAGS" placeholder:"DIR" help:"Folder of DAGs (default: airflow/dags beside the folder of this program)."`
}

// Help shows an example.
func (airflow) Help() string {
	return `Runs Airflow (api-server, scheduler, dag-processor, triggerer) for the stack that runs in the same home, until Ctrl-C,
which ends every process it started. Its DAGs are paused at first. The reactor reports gold's commits to it from then on.

Example:
  MILLRACE_AIRFLOW_PORT=0 stack airflow`
}

// Run starts Airflow, and stops it when ctx ends.
func (a airflow) Run(ctx context.Context, out *cli.Output) error {
	started := time.Now()
	h, err := openHome(a.Home.Home)
	if err != nil {
		return err
	}
	stack, err := h.readReady()
	if err != nil {
		return err
	}
	unlock, err := h.lockAirflow()
	if err != nil {
		return err
	}
	defer unlock()
	run, err := h.newAirflowRun()
	if err != nil {
		return err
	}
	defer run.Done()
	site, err := a.prepare(h, stack.addresses, run)
	if err != nil {
		return err
	}
	stop, err := site.start(ctx, out, h)
	defer stop()
	if err != nil {
		return err
	}
	if err := settings.WriteEnv(string(h), settings.RoleAirflow, site.exported()); err != nil {
		return err
	}
	// Without this a reactor that still runs would go on to call an Airflow that is gone.
	defer func() { _ = os.Remove(settings.EnvFile(string(h), settings.RoleAirflow)) }()
	slog.Info("Airflow is ready", "after", time.Since(started).Round(time.Millisecond).String())
	if _, err := fmt.Fprintf(out, "\nAirflow runs. Ctrl-C stops it.\n\n  UI        %s\n  user      %s\n  password  %s\n  DAGs      %s\n\n",
		site.url, airflowUser, site.password.Reveal(), site.dags); err != nil {
		return err
	}
	<-ctx.Done()
	slog.Info("stopping")
	return nil
}

// lockAirflow takes Airflow's folder for this process.
func (h home) lockAirflow() (unlock func(), err error) {
	if err := os.MkdirAll(h.path("airflow"), 0o700); err != nil {
		return nil, fmt.Errorf("make Airflow's folder: %w", err)
	}
	lock := flock.New(h.path("airflow.lock"), flock.SetPermissions(0o600))
	held, err := lock.TryLock()
	if err != nil || !held {
		return nil, errors.Join(fmt.Errorf("an Airflow already runs in %s: stop that one first", h.path("airflow")), err)
	}
	return func() { _ = lock.Close() }, nil
}

// newAirflowRun begins a run, and ends what the last one left if it was killed: Airflow's parts outlive their parent, hold
// the port, and would run tasks beside the new ones. Nobody else's processes are touched.
func (h home) newAirflowRun() (process.Run, error) {
	file := h.path("airflow.run")
	ended, err := process.EndLeftovers(file)
	if err != nil {
		return process.Run{}, err
	}
	if ended > 0 {
		slog.Warn("an earlier Airflow here was killed: the processes that it left are ended", "processes", ended)
	}
	return process.NewRun(file)
}

// start starts Airflow and makes its pool. stop ends what was started, also after an error.
func (s site) start(ctx context.Context, out *cli.Output, h home) (stop func(), err error) {
	killOrphans, err := process.AdoptOrphans()
	if err != nil {
		return func() {}, err
	}
	slog.Info("starting Airflow", "log", h.logFile(settings.RoleAirflow))
	done := patience(out, "waiting for Airflow")
	child, err := process.Start(ctx, process.Spec{
		Name: "airflow",
		Command: func() (*exec.Cmd, error) {
			cmd := exec.Command(s.program, "standalone")
			cmd.Env, cmd.Dir = s.environment, s.dir
			return cmd, nil
		},
		Ready: s.client().Healthy, ReadyWithin: airflowReadyWithin, Interrupt: true, Grace: airflowGrace,
		LogFile: h.logFile(settings.RoleAirflow), PIDFile: h.pidFile(settings.RoleAirflow), Log: slog.Default(),
	})
	done()
	if err != nil {
		return killOrphans, err
	}
	stop = func() {
		child.Stop()
		killOrphans() // tasks are in sessions of their own
	}
	return stop, s.client().MakePool(ctx, api.Pool{Name: sourcePool, Slots: 1, Description: "Calls to CoinCap, one task at a time."})
}

// site is one Airflow: its folders, its address and its environment.
type site struct {
	dir, program, dags, bin string
	url                     string
	password                settings.Secret
	dailyStart              string
	environment             []string
}

// client calls this Airflow.
func (s site) client() *api.Client {
	return api.New(settings.Airflow{URL: s.url, User: airflowUser, Password: s.password})
}

// prepare finds everything that a start needs.
func (a airflow) prepare(h home, at addresses, run process.Run) (s site, err error) {
	bin, err := ownFolder()
	if err != nil {
		return s, err
	}
	project := filepath.Dir(bin)
	s = site{dir: h.path("airflow"), bin: bin, program: a.Program, dags: a.DAGs}
	if s.program == "" {
		s.program = filepath.Join(project, ".venv", "bin", "airflow")
	}
	if s.dags == "" {
		s.dags = filepath.Join(project, "airflow", "dags")
	}
	for _, path := range []*string{&s.program, &s.dags} {
		if *path, err = filepath.Abs(*path); err == nil {
			_, err = os.Stat(*path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return s, fmt.Errorf("start Airflow: there is no %s: `go tool task airflow` installs Airflow from the project's folder", *path)
		}
		if err != nil {
			return s, fmt.Errorf("start Airflow: %w", err)
		}
	}
	ports, err := a.ports()
	if err != nil {
		return s, err
	}
	s.url = fmt.Sprintf("http://127.0.0.1:%d", ports.api)
	if s.password, err = airflowPassword(s.passwordsFile()); err != nil {
		return s, err
	}
	if s.dailyStart, err = dailyStart(filepath.Join(s.dir, "daily-start"), time.Now()); err != nil {
		return s, err
	}
	s.environment = append(airflowEnvironment(os.Environ(), h, s, ports, at), run.Env())
	return s, nil
}

// airflowPorts are the ports that Airflow's parts listen on.
type airflowPorts struct{ api, workerLogs, triggererLogs int }

func (a airflow) ports() (p airflowPorts, err error) {
	if a.Port < 0 || a.Port > 65535 {
		return p, cli.Usage("--port is %d, it must be from 0 to 65535", a.Port)
	}
	if err := (port{a.Port, "127.0.0.1", "Airflow", "MILLRACE_AIRFLOW_PORT=0 takes a free one"}).check(); err != nil {
		return p, err
	}
	p.api = a.Port
	free := []*int{&p.workerLogs, &p.triggererLogs}
	if p.api == 0 {
		free = append(free, &p.api)
	}
	for _, number := range free {
		if *number, err = process.FreePort(); err != nil {
			return p, err
		}
	}
	return p, nil
}
