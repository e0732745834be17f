package harness

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millrace/infra/airflow"
	"millrace/infra/settings"
	"millrace/tests/harness/home"
)

// Airflow is a real one beside a stack, with the project's DAGs.
type Airflow struct {
	*Process
	client *airflow.Client
}

// StartAirflow runs `stack airflow` and returns when it is ready. It needs .venv, which `go tool task airflow:install` makes.
func (s *Stack) StartAirflow(t testing.TB, env ...string) *Airflow {
	t.Helper()
	root := Root(t)
	program := filepath.Join(root, ".venv", "bin", "airflow")
	if _, err := os.Stat(program); err != nil {
		t.Fatalf("Airflow is missing, `go tool task airflow:install` installs it: %v", err)
	}
	for _, name := range []string{"ingestor", "reactor"} {
		Program(t, name) // tasks run them from beside the stack
	}
	all := append(home.CleanEnvironment(), "MILLRACE_HOME="+s.Home, "MILLRACE_AIRFLOW_PORT=0", "MILLRACE_AIRFLOW="+program,
		"MILLRACE_DAGS="+filepath.Join(root, "airflow", "dags"))
	a := &Airflow{Process: Launch(t, append(all, env...), "stack", "airflow")}
	Eventually(t, "Airflow is ready", func() bool {
		if a.Ended() {
			t.Fatalf("Airflow ended before it was ready: %s\n%s", a.result(), s.dir().Logs())
		}
		return strings.Contains(a.Stdout(), "Airflow runs.")
	})
	vars := s.Vars(t, settings.RoleAirflow)
	a.client = airflow.New(settings.Airflow{
		URL: vars["MILLRACE_AIRFLOW_URL"], User: vars["MILLRACE_AIRFLOW_USER"], Password: settings.Secret(vars["MILLRACE_AIRFLOW_PASSWORD"]),
	}).WithTimeout(Patience) // a request on a loaded machine must not be sent twice
	return a
}

// Call sends a request to Airflow's API and reads the answer into answer, unless that is nil. On SQLite, which Airflow's
// parts share here, a request that meets another writer is answered with 500 and did nothing: it is sent again.
func (a *Airflow) Call(t testing.TB, method, path string, body, answer any) {
	t.Helper()
	Eventually(t, method+" "+path+" is answered", func() bool {
		err := a.client.Call(t.Context(), method, path, body, answer)
		if err != nil && !airflow.Refused(err, http.StatusInternalServerError) {
			t.Fatal(err)
		}
		return err == nil
	})
}
