package settings

import (
	"os"
	"testing"
)

func TestAirflowsAddressIsCheckedBeforeThePasswordGoesThere(t *testing.T) {
	for _, tt := range []struct{ url, want string }{
		{"https://airflow.example.org", ""},
		{"https://airflow.example.org/team/", ""},
		{"https://10.0.0.7:8443", ""},
		{"http://127.0.0.1:8080", ""},
		{"http://127.8.9.10:8080", ""},
		{"http://localhost:8080", ""},
		{"http://[::1]:8080", ""},
		{"http://airflow-api-server:8080", ""},
		{"http://airflow.example.org", "must begin with https://"},
		{"http://10.0.0.7:8080", "must begin with https://"},
		{"http://[fd00::7]:8080", "must begin with https://"},
		{"http://127.0.0.1.example.org", "must begin with https://"},
		{"http://localhost.example.org:8080", "must begin with https://"},
		{"airflow.example.org", "must look like"},
		{"ftp://airflow.example.org", "must look like"},
		{"https://:8080", "must look like"},
		{"https://" + password + "\x7f", "must look like"},
		{"https://admin:" + password + "@airflow.example.org", "MILLRACE_AIRFLOW_PASSWORD"},
		{"https://airflow.example.org/?token=" + password, "take off what follows"},
		{"https://airflow.example.org/#" + password, "take off what follows"},
	} {
		t.Run(tt.url, func(t *testing.T) {
			_, ok, err := Airflow{URL: tt.url, User: "admin", Password: password}.Find(Home{t.TempDir()})
			checkError(t, err, tt.want)
			if ok != (tt.want == "") {
				t.Errorf("found: %v", ok)
			}
		})
	}
}

func TestAirflowIsTheOneGivenOrElseTheLocalOne(t *testing.T) {
	home := Home{t.TempDir()}
	if _, ok, err := (Airflow{}).Find(home); ok || err != nil {
		t.Errorf("none at all: %v, %v", ok, err)
	}
	local := map[string]string{"MILLRACE_AIRFLOW_URL": "http://127.0.0.1:8080", "MILLRACE_AIRFLOW_USER": "admin", "MILLRACE_AIRFLOW_PASSWORD": password, "AIRFLOW_HOME": "/x"}
	if err := WriteEnv(home.Home, RoleAirflow, local); err != nil {
		t.Fatal(err)
	}
	want := Airflow{URL: "http://127.0.0.1:8080", User: "admin", Password: password}
	if got, ok, err := (Airflow{}).Find(home); got != want || !ok || err != nil {
		t.Errorf("the local one: %v, %v, %v", got, ok, err)
	}
	given := Airflow{URL: "https://airflow.example.org/team/", User: "millrace", Password: "p"}
	want = Airflow{URL: "https://airflow.example.org/team", User: "millrace", Password: "p"}
	if got, ok, err := given.Find(home); got != want || !ok || err != nil {
		t.Errorf("the one given: %v, %v, %v", got, ok, err)
	}
	if err := os.WriteFile(EnvFile(home.Home, RoleAirflow), []byte("MILLRACE_AIRFLOW_PASSWORD=\""+password), 0o600); err != nil {
		t.Fatal(err)
	}
	_, ok, err := Airflow{}.Find(home)
	checkError(t, err, "remove the file")
	if ok {
		t.Error("a broken file is an Airflow")
	}
}
