package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"millrace/infra/files"
	"millrace/infra/settings"
)

// airflowUser is the only user of a local Airflow.
const airflowUser = "admin"

// airflowEnvironment returns the user's environment with Airflow's settings, and with what its tasks need to find the programs
// and the stack. An `AIRFLOW__…` variable that the user has set stays as it is, so that everything can be changed.
func airflowEnvironment(user []string, h home, s site, ports airflowPorts, at addresses) []string {
	vars := map[string]string{
		"AIRFLOW_HOME":                                      s.dir,
		"AIRFLOW__CORE__DAGS_FOLDER":                        s.dags,
		"AIRFLOW__CORE__LOAD_EXAMPLES":                      "False",
		"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS":          airflowUser + ":admin",
		"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": s.passwordsFile(),
		"AIRFLOW__CORE__EXECUTION_API_SERVER_URL":           s.url + "/execution/",
		"AIRFLOW__API__HOST":                                "127.0.0.1",
		"AIRFLOW__API__PORT":                                strconv.Itoa(ports.api),
		"AIRFLOW__API__BASE_URL":                            s.url,
		"AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT":          strconv.Itoa(ports.workerLogs),
		"AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT":         strconv.Itoa(ports.triggererLogs),
	}
	defaults := map[string]string{
		"AIRFLOW__API__WORKERS":                         "1",
		"AIRFLOW__CORE__PARALLELISM":                    "4", // 32 idle workers take 700 MB
		"AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES":     "1",
		"AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
		"AIRFLOW__USAGE_DATA_COLLECTION__ENABLED":       "False",
		// The master of lakehouse_rebuild. Without a connection the provider's operator asks for YARN.
		"AIRFLOW_CONN_SPARK_DEFAULT": `{"conn_type": "spark", "host": "local[*]"}`,
	}
	defaults["MILLRACE_DAILY_START"] = s.dailyStart
	given := map[string]bool{}
	for _, entry := range user {
		name, _, _ := strings.Cut(entry, "=")
		given[name] = true
	}
	for name, value := range defaults {
		if !given[name] {
			vars[name] = value
		}
	}
	// Airflow's environment has no credentials: each program that a task runs reads those of its own role from an env file.
	vars["MILLRACE_HOME"], vars["MILLRACE_BIN"] = string(h), s.bin
	// Airflow's parts change their process titles. Without this variable they write the title over their environment, and with
	// it over the mark by which a later start finds them.
	vars["SPT_NOENV"] = "1"
	// `airflow standalone` starts its parts as `airflow`, which it looks for on the PATH.
	vars["PATH"] = filepath.Dir(s.program) + string(os.PathListSeparator) + os.Getenv("PATH")
	if at.Simulator != "" {
		vars["COINCAP_BASE_URL"] = at.Simulator
	}
	for _, entry := range user {
		if list, ok := strings.CutPrefix(entry, "MILLRACE_SOURCES="); ok {
			vars["MILLRACE_SOURCES"] = wholePaths(list)
		}
	}
	env := slices.DeleteFunc(slices.Clone(user), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		_, replaced := vars[name]
		return replaced || slices.Contains(stackOwned, name)
	})
	for name, value := range vars {
		env = append(env, name+"="+value)
	}
	slices.Sort(env)
	return env
}

// wholePaths makes the paths of a list absolute, a comma between two: a task of Airflow runs in a folder of its own.
func wholePaths(list string) string {
	files := strings.Split(list, ",")
	for i, file := range files {
		if file = strings.TrimSpace(file); file != "" {
			if whole, err := filepath.Abs(file); err == nil {
				file = whole
			}
		}
		files[i] = file
	}
	return strings.Join(files, ",")
}

func (s site) passwordsFile() string { return filepath.Join(s.dir, "passwords.json") }

// dailyStart returns the first day that coincap_daily lands: the day before Airflow's first start here. The file keeps it, so
// that a later start catches up the days on which Airflow was down, and a DAG that is switched on does not land years.
func dailyStart(path string, now time.Time) (string, error) {
	text, err := os.ReadFile(path)
	if err == nil {
		if _, err := time.Parse(time.DateOnly, strings.TrimSpace(string(text))); err != nil {
			return "", fmt.Errorf("read the first day of coincap_daily from %s: it must be a day such as 2026-01-31, or the file be removed", path)
		}
		return strings.TrimSpace(string(text)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the first day of coincap_daily: %w", err)
	}
	day := now.UTC().AddDate(0, 0, -1).Format(time.DateOnly)
	if err := files.Replace(path, []byte(day+"\n")); err != nil {
		return "", fmt.Errorf("write the first day of coincap_daily: %w", err)
	}
	return day, nil
}

// airflowPassword reads the password from the file of Airflow's simple auth manager. The first start makes that file: Airflow
// itself would make a short password and print it into its log.
func airflowPassword(path string) (settings.Secret, error) {
	var file map[string]string
	text, err := os.ReadFile(path)
	if err == nil {
		if json.Unmarshal(text, &file) != nil || file[airflowUser] == "" { // its error may quote the password
			return "", fmt.Errorf("read Airflow's password from %s: remove the file, and a new one is made", path)
		}
		return settings.Secret(file[airflowUser]), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read Airflow's password: %w", err)
	}
	file = map[string]string{airflowUser: rand.Text()}
	if text, err = json.Marshal(file); err == nil {
		err = files.Replace(path, append(text, '\n'))
	}
	if err != nil {
		return "", fmt.Errorf("write Airflow's password: %w", err)
	}
	return settings.Secret(file[airflowUser]), nil
}

// exported returns what Airflow's env file holds: what the reactor needs to report gold's commits, and Airflow's own settings,
// so that after `eval "$(stack env --role airflow)"` the command airflow works on this Airflow.
func (s site) exported() map[string]string {
	vars := map[string]string{
		"MILLRACE_AIRFLOW_URL": s.url, "MILLRACE_AIRFLOW_USER": airflowUser, "MILLRACE_AIRFLOW_PASSWORD": s.password.Reveal(),
	}
	for _, entry := range s.environment {
		name, value, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "AIRFLOW_") || name == "MILLRACE_HOME" || name == "MILLRACE_BIN" {
			vars[name] = value
		}
	}
	return vars
}
