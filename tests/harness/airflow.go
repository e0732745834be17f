package harness

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millrace/tests/harness/home"
)

// Airflow is a real one beside a stack, with the project's DAGs.
type Airflow struct {
	*Process
	URL   string
	token string
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
	a.URL = s.Vars(t, "airflow")["MILLRACE_AIRFLOW_URL"]
	var token struct {
		AccessToken string `json:"access_token"`
	}
	a.Call(t, http.MethodPost, "/auth/token", map[string]string{"username": "admin", "password": s.Vars(t, "airflow")["MILLRACE_AIRFLOW_PASSWORD"]}, &token)
	a.token = token.AccessToken
	return a
}

// Call sends a request to Airflow's API and reads the answer into answer, unless that is nil. On SQLite, which Airflow's
// parts share here, a request that meets another writer is answered with 500 and did nothing: it is sent again.
func (a *Airflow) Call(t testing.TB, method, path string, body, answer any) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	Eventually(t, method+" "+path+" is answered", func() bool {
		var status int
		status, got = a.send(t, method, path, text)
		if status >= 300 && status != http.StatusInternalServerError {
			t.Fatalf("%s %s: %d %s", method, path, status, got)
		}
		return status < 300
	})
	if answer != nil {
		if err := json.Unmarshal(got, answer); err != nil {
			t.Fatalf("%s %s: %v: %s", method, path, err, got)
		}
	}
}

func (a *Airflow) send(t testing.TB, method, path string, body []byte) (status int, answer []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, a.URL+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+a.token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if answer, err = io.ReadAll(response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, answer
}
