package settings

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"strings"
)

// Airflow is the scheduler that is told of gold's commits. Without a URL it is the one that runs beside the local stack, if
// any does.
type Airflow struct {
	URL      string `name:"airflow-url" env:"MILLRACE_AIRFLOW_URL" placeholder:"URL" help:"Airflow that is told of gold's commits (default: the one started by stack airflow, if it runs)."`
	User     string `name:"airflow-user" env:"MILLRACE_AIRFLOW_USER" placeholder:"NAME" help:"Airflow's user."`
	Password Secret `name:"airflow-password" env:"MILLRACE_AIRFLOW_PASSWORD" placeholder:"TEXT" help:"Airflow's password; better given by the environment."`
}

// RoleAirflow names the env file that a local Airflow leaves for as long as it runs.
const RoleAirflow = "airflow"

// Find returns where Airflow is now; ok is false when there is none.
func (a Airflow) Find(home Home) (found Airflow, ok bool, err error) {
	if a.URL == "" {
		vars, err := ReadEnv(home.Home, RoleAirflow)
		if errors.Is(err, fs.ErrNotExist) {
			return a, false, nil
		}
		if err != nil {
			return a, false, err
		}
		a = Airflow{URL: vars["MILLRACE_AIRFLOW_URL"], User: vars["MILLRACE_AIRFLOW_USER"], Password: Secret(vars["MILLRACE_AIRFLOW_PASSWORD"])}
	}
	return a, true, a.check()
}

// check keeps a password from going over a network in the clear. A name without a dot is one of a container network.
func (a Airflow) check() error {
	u, err := url.Parse(a.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("the address of Airflow (--airflow-url, MILLRACE_AIRFLOW_URL) must look like https://airflow.example.org")
	}
	host := u.Hostname()
	private := host == "localhost" || !strings.ContainsAny(host, ".:")
	if ip := net.ParseIP(host); ip != nil {
		private = ip.IsLoopback()
	}
	if u.Scheme == "http" && !private {
		return fmt.Errorf("the address of Airflow %s (MILLRACE_AIRFLOW_URL) must begin with https://: the password would go over the network in the clear", u.Redacted())
	}
	return nil
}
