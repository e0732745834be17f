package main

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"

	"millrace/infra/minio"
	"millrace/infra/nats"
	"millrace/infra/settings"
)

// roles are those that get an env file.
var roles = minio.Users

// addresses are where the parts of a running stack answer.
type addresses struct {
	S3        string `json:"s3"`
	NATS      string `json:"nats"`
	HTTP      string `json:"http,omitempty"`      // the reactor's host:port; empty without a reactor
	Simulator string `json:"simulator,omitempty"` // empty with a CoinCap key
}

// warehouse is the name by which Iceberg's clients ask for the lake.
const warehouse = "lakehouse"

// iceberg is where the reactor serves the tables as an Iceberg REST catalog.
func (a addresses) iceberg() string { return a.http() + "/iceberg" }

// console is where people look, as a role that then may do what it may do.
func (a addresses) console(token settings.Secret) string {
	return a.http() + "/?token=" + url.QueryEscape(token.Reveal())
}

// http is the reactor's address as programs on this machine reach it.
func (a addresses) http() string {
	host, number, err := net.SplitHostPort(a.HTTP)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		return "http://" + net.JoinHostPort("127.0.0.1", number)
	}
	return "http://" + a.HTTP
}

// tokenVariable names the variable by which the reactor learns a role's token.
func tokenVariable(role string) string { return "MILLRACE_" + strings.ToUpper(role) + "_TOKEN" }

// access is how to get at everything in a lakehouse; environment hands each role its part.
type access struct {
	home    home
	at      addresses
	bucket  string
	catalog settings.Secret
	readers settings.Secret   // the catalog for those who only read, where it is in PostgreSQL; empty for none
	own     map[string]string // by variable: folders of own models and datasets, absolute; those that there are
	secrets credentials
	natsURL func(user string) settings.Secret
}

// environment returns what the programs of one role need, and nothing that opens more than the role may.
func (a access) environment(role string) map[string]string {
	vars := map[string]string{
		"MILLRACE_HOME":          string(a.home),
		"MILLRACE_S3_ENDPOINT":   a.at.S3,
		"MILLRACE_S3_ACCESS_KEY": role,
		"MILLRACE_S3_SECRET_KEY": a.secrets.s3[role].Reveal(),
		"MILLRACE_S3_REGION":     "us-east-1",
		"MILLRACE_BUCKET":        a.bucket,
	}
	switch role {
	case minio.UserOwner:
		vars["MILLRACE_NATS_URL"] = a.natsURL(nats.UserOwner).Reveal()
	case minio.UserReactor:
		vars["MILLRACE_NATS_URL"] = a.natsURL(nats.UserReactor).Reveal()
	}
	if role != minio.UserIngestor {
		if catalog := a.catalogOf(role); catalog != "" {
			vars["MILLRACE_CATALOG"] = catalog.Reveal()
		}
		if a.at.HTTP != "" {
			vars["MILLRACE_HTTP_ADDR"] = a.at.HTTP
		}
		maps.Copy(vars, a.own) // a command with other models than the reactor's calls its tables wrong
	}
	switch token := a.secrets.tokens[role]; {
	case role == minio.UserReactor: // it must know those of all
		for _, other := range tokenRoles {
			vars[tokenVariable(other)] = a.secrets.tokens[other].Reveal()
		}
	case token != "" && a.at.HTTP != "":
		vars["MILLRACE_ICEBERG_URI"] = a.at.iceberg()
		vars["MILLRACE_ICEBERG_TOKEN"] = token.Reveal()
		vars["MILLRACE_ICEBERG_WAREHOUSE"] = warehouse
		vars["MILLRACE_CONSOLE_URL"] = a.at.console(token)
	}
	if a.at.Simulator != "" && (role == minio.UserIngestor || role == minio.UserOwner) {
		vars["COINCAP_BASE_URL"] = a.at.Simulator
	}
	return vars
}

// catalogOf returns the catalog as a role may open it, "" for none: the owner's password is for nobody who only reads.
func (a access) catalogOf(role string) settings.Secret {
	if role == minio.UserOwner || role == minio.UserReactor {
		return a.catalog
	}
	if readOnly, ok := settings.ReadOnly(a.catalog); ok {
		return readOnly
	}
	return a.readers
}

// stackOwned are the variables that come from a role's env file only. The user's shell may still have one of another stack's
// `eval "$(stack env)"`, or of a role that may do more: it must not reach a child.
var stackOwned = []string{
	"MILLRACE_HOME", "MILLRACE_S3_ENDPOINT", "MILLRACE_S3_ACCESS_KEY", "MILLRACE_S3_SECRET_KEY", "MILLRACE_S3_REGION",
	"MILLRACE_BUCKET", "MILLRACE_NATS_URL", "MILLRACE_NATS_CREDS", "MILLRACE_CATALOG", "MILLRACE_CATALOG_READONLY", "MILLRACE_HTTP_ADDR",
	"MILLRACE_ICEBERG_URI", "MILLRACE_ICEBERG_TOKEN", "MILLRACE_ICEBERG_WAREHOUSE", "MILLRACE_CONSOLE_URL",
	"MILLRACE_OWNER_TOKEN", "MILLRACE_ANALYST_TOKEN", "MILLRACE_REPORTER_TOKEN", "MILLRACE_MODELS", "MILLRACE_DATASETS",
	"MILLRACE_TLS_CERT", "MILLRACE_TLS_KEY", // the stack's own reactor is on loopback, and the stack asks it by plain HTTP
	"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION",
}

// childEnvironment returns the user's environment with the role's variables in place of all that the stack owns.
// CoinCap's key goes to the ingestor alone.
func childEnvironment(user []string, role string, vars map[string]string) []string {
	var env []string
	for _, entry := range user {
		name, _, _ := strings.Cut(entry, "=")
		_, replaced := vars[name]
		if replaced || slices.Contains(stackOwned, name) || strings.HasPrefix(name, "COINCAP_") && role != minio.UserIngestor {
			continue
		}
		env = append(env, entry)
	}
	for name, value := range vars {
		env = append(env, name+"="+value)
	}
	slices.Sort(env)
	return env
}

// roleEnvironment returns the childEnvironment of the role's env file.
func (h home) roleEnvironment(role string) ([]string, error) {
	vars, err := settings.ReadEnv(string(h), role)
	if err != nil {
		return nil, err
	}
	return childEnvironment(os.Environ(), role, vars), nil
}

// awsNames maps the variables by which AWS's tools find an S3 server to those that hold the values here.
var awsNames = map[string]string{
	"AWS_ACCESS_KEY_ID":     "MILLRACE_S3_ACCESS_KEY",
	"AWS_SECRET_ACCESS_KEY": "MILLRACE_S3_SECRET_KEY",
	"AWS_ENDPOINT_URL_S3":   "MILLRACE_S3_ENDPOINT",
	"AWS_REGION":            "MILLRACE_S3_REGION",
}

// onlySome are the variables that some roles have and others lack. What a shell has of them belongs to the role of an earlier eval:
// an analyst's shell would go on with the owner's NATS password.
var onlySome = []string{
	"MILLRACE_NATS_URL", "MILLRACE_NATS_CREDS", "MILLRACE_CATALOG", "MILLRACE_HTTP_ADDR", "MILLRACE_MODELS", "MILLRACE_DATASETS",
	"MILLRACE_ICEBERG_URI", "MILLRACE_ICEBERG_TOKEN", "MILLRACE_ICEBERG_WAREHOUSE", "MILLRACE_CONSOLE_URL",
	"MILLRACE_OWNER_TOKEN", "MILLRACE_ANALYST_TOKEN", "MILLRACE_REPORTER_TOKEN",
}

// exports returns a role's variables, also under the names that AWS's tools know, as lines for a shell's eval. The lines take away
// what the role lacks.
func exports(vars map[string]string) string {
	all := map[string]string{}
	for name, value := range vars {
		all[name] = value
	}
	for name, from := range awsNames {
		if value, there := vars[from]; there { // Airflow's settings are not for S3
			all[name] = value
		}
	}
	var lines []string
	for name, value := range all {
		lines = append(lines, fmt.Sprintf("export %s='%s'\n", name, strings.ReplaceAll(value, "'", `'\''`)))
	}
	for _, name := range onlySome {
		if _, has := all[name]; !has && isRole(vars) {
			lines = append(lines, "unset "+name+"\n")
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// isRole tells a role's variables from Airflow's settings, which a shell takes beside those of a role.
func isRole(vars map[string]string) bool { return vars["MILLRACE_S3_ACCESS_KEY"] != "" }
