package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTheFirstDayOfTheDailyDAGStays(t *testing.T) {
	file := filepath.Join(t.TempDir(), "daily-start")
	first := time.Date(2026, 1, 31, 0, 30, 0, 0, time.FixedZone("east", 2*60*60)) // the 30th in UTC
	for _, now := range []time.Time{first, first.AddDate(1, 0, 0)} {
		if day, err := dailyStart(file, now); day != "2026-01-29" || err != nil {
			t.Errorf("%s, %v", day, err)
		}
	}
	if err := os.WriteFile(file, []byte("yesterday"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := dailyStart(file, first); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a broken file: %v", err)
	}
}

func TestAirflowGetsNoCredentialsAndKeepsWhatTheUserSet(t *testing.T) {
	user := []string{"MILLRACE_S3_SECRET_KEY=secret", "MILLRACE_NATS_URL=nats://u:secret@x", "AIRFLOW__CORE__PARALLELISM=8", "COINCAP_API_KEY=own", "HOME=/h", "MILLRACE_SOURCES=sets/a/b.yaml, /x/a/c.yaml"}
	here, err := filepath.Abs("sets/a/b.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := site{dir: "/h/airflow", program: "/p/.venv/bin/airflow", dags: "/p/airflow/dags", bin: "/p/.bin", url: "http://127.0.0.1:8080", password: "pw"}
	s.environment = airflowEnvironment(user, "/h", s, airflowPorts{8080, 1, 2}, addresses{})
	all := "\n" + strings.Join(s.environment, "\n") + "\n"
	for _, want := range []string{"AIRFLOW__CORE__PARALLELISM=8", "COINCAP_API_KEY=own", "HOME=/h", "MILLRACE_BIN=/p/.bin", "AIRFLOW__API__HOST=127.0.0.1", "MILLRACE_SOURCES=" + here + ",/x/a/c.yaml"} {
		if !strings.Contains(all, "\n"+want+"\n") {
			t.Errorf("%s is missing: %s", want, all)
		}
	}
	if strings.Contains(all, "secret") || strings.Contains(all, "=pw") {
		t.Errorf("credentials in Airflow's environment: %s", all)
	}
	vars := s.exported()
	if vars["MILLRACE_AIRFLOW_PASSWORD"] != "pw" || vars["AIRFLOW_HOME"] != "/h/airflow" || vars["COINCAP_API_KEY"] != "" {
		t.Errorf("the env file: %v", vars)
	}
}

func TestAPasswordIsMadeOnceAndForItsOwnerOnly(t *testing.T) {
	file := filepath.Join(t.TempDir(), "passwords.json")
	first, err := airflowPassword(file)
	if err != nil || len(first.Reveal()) < 20 {
		t.Fatalf("%v", err)
	}
	if again, err := airflowPassword(file); again != first || err != nil {
		t.Errorf("another one at the second start: %v", err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
}
