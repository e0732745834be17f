package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"millrace/infra/minio"
	"millrace/infra/nats"
	"millrace/infra/settings"
)

// roles are those an env file is written for.
var roles = minio.Users

// addresses are where the parts of a running stack answer.
type addresses struct {
	S3        string `json:"s3"`
	NATS      string `json:"nats"`
	HTTP      string `json:"http,omitempty"`      // the reactor's host:port; empty without a reactor
	Simulator string `json:"simulator,omitempty"` // empty with a CoinCap key
}

// environment is what the programs of one role need, and nothing that opens more than the role may.
func environment(role string, h home, at addresses, bucket string, catalog settings.Secret, secrets credentials, natsURL func(user string) settings.Secret) map[string]string {
	vars := map[string]string{
		"MILLRACE_HOME":          string(h),
		"MILLRACE_S3_ENDPOINT":   at.S3,
		"MILLRACE_S3_ACCESS_KEY": role,
		"MILLRACE_S3_SECRET_KEY": secrets.s3[role].Reveal(),
		"MILLRACE_S3_REGION":     "us-east-1",
		"MILLRACE_BUCKET":        bucket,
	}
	switch role {
	case minio.UserOwner:
		vars["MILLRACE_NATS_URL"] = natsURL(nats.UserOwner).Reveal()
	case minio.UserReactor:
		vars["MILLRACE_NATS_URL"] = natsURL(nats.UserReactor).Reveal()
	}
	if role != minio.UserIngestor {
		vars["MILLRACE_CATALOG"] = catalog.Reveal()
		if at.HTTP != "" {
			vars["MILLRACE_HTTP_ADDR"] = at.HTTP
		}
	}
	if at.Simulator != "" && (role == minio.UserIngestor || role == minio.UserOwner) {
		vars["COINCAP_BASE_URL"] = at.Simulator
	}
	return vars
}

// stackOwned are the variables that come from a role's env file only. One that is left in the user's shell by an
// `eval "$(stack env)"` of another stack, or of a role that may do more, must not reach a child.
var stackOwned = []string{
	"MILLRACE_HOME", "MILLRACE_S3_ENDPOINT", "MILLRACE_S3_ACCESS_KEY", "MILLRACE_S3_SECRET_KEY", "MILLRACE_S3_REGION",
	"MILLRACE_BUCKET", "MILLRACE_NATS_URL", "MILLRACE_NATS_CREDS", "MILLRACE_CATALOG", "MILLRACE_HTTP_ADDR",
	"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION",
}

// childEnvironment is the user's environment with the role's variables in place of all that the stack owns.
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

// roleEnvironment is childEnvironment from the role's env file.
func (h home) roleEnvironment(role string) ([]string, error) {
	vars, err := settings.ReadEnv(string(h), role)
	if err != nil {
		return nil, err
	}
	return childEnvironment(os.Environ(), role, vars), nil
}

// awsNames are the variables by which tools that know nothing of millrace find an S3 server.
var awsNames = map[string]string{
	"AWS_ACCESS_KEY_ID":     "MILLRACE_S3_ACCESS_KEY",
	"AWS_SECRET_ACCESS_KEY": "MILLRACE_S3_SECRET_KEY",
	"AWS_ENDPOINT_URL_S3":   "MILLRACE_S3_ENDPOINT",
	"AWS_REGION":            "MILLRACE_S3_REGION",
}

// exports writes vars, and the names AWS's tools know, as lines for a shell's eval.
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
	slices.Sort(lines)
	return strings.Join(lines, "")
}
