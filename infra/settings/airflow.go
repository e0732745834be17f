package settings

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"strings"
)

// Airflow is the scheduler that the reactor tells of gold's commits. Without a URL it is the one that runs beside the local
// stack, if there is one.
type Airflow struct {
	URL      string `name:"airflow-url" env:"MILLRACE_AIRFLOW_URL" placeholder:"URL" help:"Airflow that is told of gold's commits (default: the one started by stack airflow, if it runs)."`
	User     string `name:"airflow-user" env:"MILLRACE_AIRFLOW_USER" placeholder:"NAME" help:"Airflow's user."`
	Password Secret `name:"airflow-password" env:"MILLRACE_AIRFLOW_PASSWORD" placeholder:"TEXT" help:"Airflow's password; better given by the environment, because other users see flags."`
}

// RoleAirflow names the env file that is there while a local Airflow runs.
const RoleAirflow = "airflow"

// Find returns where Airflow is now, its URL without a slash at the end; ok is false when there is none.
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
	if err := a.check(); err != nil {
		return a, false, err
	}
	a.URL = strings.TrimRight(a.URL, "/")
	return a, true, nil
}

// check refuses an address over which the password would travel unencrypted.
func (a Airflow) check() error {
	u, err := url.Parse(a.URL)
	switch {
	case err != nil || u.Hostname() == "" || (u.Scheme != "http" && u.Scheme != "https"):
		// The address itself is not repeated: it may hold a password.
		return fmt.Errorf("the address of Airflow (--airflow-url, MILLRACE_AIRFLOW_URL) must look like https://airflow.example.org")
	case u.User != nil:
		return fmt.Errorf("the address of Airflow (MILLRACE_AIRFLOW_URL) holds a user: credentials belong in MILLRACE_AIRFLOW_USER and MILLRACE_AIRFLOW_PASSWORD")
	case u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("the address of Airflow (MILLRACE_AIRFLOW_URL) must be the path that Airflow's pages begin with: take off what follows ? or #")
	case u.Scheme == "http" && !private(u.Hostname()):
		return fmt.Errorf("the address of Airflow %s (MILLRACE_AIRFLOW_URL) must begin with https://: the password would go over the network in the clear", a.URL)
	}
	return nil
}

// private reports whether a host is this machine or a container beside it. A name without a dot is taken for a container's:
// compose.yaml has such a network, and no TLS in it.
func private(host string) bool {
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsLoopback()
	}
	return !strings.ContainsAny(host, ".:")
}
