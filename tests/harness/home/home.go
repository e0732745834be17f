// Package home reads the folder in which a running lakehouse keeps what others need to reach it: addresses, credentials by
// role, process ids and logs. Tests and the benchmark know a lakehouse by this folder alone, whoever runs its parts.
package home

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/nats-io/nats.go"

	"millrace/infra/settings"
)

// Dir is the home folder of a lakehouse.
type Dir string

// Addresses are where the parts of a stack answer, as it wrote them into the file "ready".
type Addresses struct {
	PID       int    `json:"pid"`
	S3        string `json:"s3"`
	NATS      string `json:"nats"`
	HTTP      string `json:"http"` // host:port; empty without a reactor
	Simulator string `json:"simulator"`
	Synthetic bool   `json:"synthetic"`
}

// Ready gives the addresses of the stack that process pid runs, and an error until it is ready.
func (d Dir) Ready(pid int) (a Addresses, err error) {
	text, err := os.ReadFile(d.path("ready"))
	if err == nil {
		err = json.Unmarshal(text, &a)
	}
	if err == nil && a.PID != pid {
		err = errors.New("the file is of another process")
	}
	if err != nil {
		return Addresses{}, fmt.Errorf("read whether the stack is ready: %w", err)
	}
	return a, nil
}

// Credentials are those that a stack made at its first start.
type Credentials struct {
	Root string            `json:"minio_root"`
	S3   map[string]string `json:"s3"`
	NATS map[string]string `json:"nats"`

	Tokens map[string]string `json:"tokens"` // of owner, analyst and reporter, for HTTP
}

// Credentials reads the secrets of all users, MinIO's root included.
func (d Dir) Credentials() (c Credentials, err error) {
	text, err := os.ReadFile(d.path("credentials.json"))
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err == nil && c.Root == "" {
		err = errors.New("MinIO's root user has no password")
	}
	if err != nil {
		return Credentials{}, fmt.Errorf("read the stack's credentials: %w", err)
	}
	return c, nil
}

// Catalog is the file of the SQLite catalog.
func (d Dir) Catalog() string { return d.path("catalog.db") }

// HTTP reads the address, host:port, that a reactor wrote when it began to listen.
func (d Dir) HTTP() (string, error) {
	text, err := os.ReadFile(d.path("http.addr"))
	if err != nil {
		return "", fmt.Errorf("find the reactor's address: %w", err)
	}
	return string(text), nil
}

// Unsent counts the events that MinIO keeps on disk until it has sent their second copies. An event is there before its put is answered.
func (d Dir) Unsent() (int, error) {
	files, err := filepath.Glob(d.path("events", "*", "*.event"))
	if err != nil {
		return 0, fmt.Errorf("look into MinIO's queue of events: %w", err)
	}
	return len(files), nil
}

// PID is the process of one of the stack's children (minio, reactor) that runs now.
func (d Dir) PID(child string) (pid int, err error) {
	text, err := os.ReadFile(d.path(child + ".pid"))
	if err == nil {
		_, err = fmt.Sscan(string(text), &pid)
	}
	if err != nil {
		return 0, fmt.Errorf("find the process of %s: %w", child, err)
	}
	return pid, nil
}

// Vars are the variables that a role is given.
func (d Dir) Vars(role string) (map[string]string, error) {
	return settings.ReadEnv(string(d), role)
}

// Env is a whole environment for a program of that role.
func (d Dir) Env(role string) ([]string, error) {
	vars, err := d.Vars(role)
	if err != nil {
		return nil, err
	}
	env := CleanEnvironment()
	for name, value := range vars {
		env = append(env, name+"="+value)
	}
	slices.Sort(env)
	return env, nil
}

// S3 signs in to the object store as a role.
func (d Dir) S3(role string) (*minio.Client, error) {
	vars, err := d.Vars(role)
	if err != nil {
		return nil, err
	}
	return settings.S3{
		Endpoint: vars["MILLRACE_S3_ENDPOINT"], AccessKey: vars["MILLRACE_S3_ACCESS_KEY"],
		SecretKey: settings.Secret(vars["MILLRACE_S3_SECRET_KEY"]), Region: vars["MILLRACE_S3_REGION"],
	}.Client()
}

// NATS connects to the broker as a role that may (owner, reactor).
func (d Dir) NATS(ctx context.Context, role string) (*nats.Conn, error) {
	vars, err := d.Vars(role)
	if err != nil {
		return nil, err
	}
	return settings.NATS{URL: settings.Secret(vars["MILLRACE_NATS_URL"])}.Connect(ctx, "test")
}

// Logs quotes the end of each log.
func (d Dir) Logs() string {
	const most = 4000
	var b strings.Builder
	files, _ := filepath.Glob(d.path("log", "*.log"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		fmt.Fprintf(&b, "the end of %s:\n%s\n", filepath.Base(file), text[max(0, len(text)-most):])
	}
	return b.String()
}

func (d Dir) path(elements ...string) string {
	return filepath.Join(append([]string{string(d)}, elements...)...)
}

// CleanEnvironment is this process's environment without what points to a lake or a source that the developer has running.
func CleanEnvironment() []string {
	return slices.DeleteFunc(os.Environ(), func(entry string) bool {
		return strings.HasPrefix(entry, "MILLRACE_") || strings.HasPrefix(entry, "COINCAP_") || strings.HasPrefix(entry, "AWS_")
	})
}

// UpEnvironment is the environment in which `stack up` starts a stack of its own in this folder, on free ports.
func (d Dir) UpEnvironment(minio string) []string {
	return append(CleanEnvironment(), "MILLRACE_HOME="+string(d), "MILLRACE_MINIO="+minio,
		"MILLRACE_S3_PORT=0", "MILLRACE_NATS_PORT=0", "MILLRACE_HTTP_ADDR=127.0.0.1:0")
}

// ReactorReady asks the reactor at host:port whether it is ready.
func ReactorReady(ctx context.Context, addr string) error {
	status, body, err := ask(ctx, addr, "/readyz")
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("the reactor at %s is not ready: %s", addr, body)
	}
	return err
}

// ReactorAnswers tells whether a reactor listens at an address, ready or not.
func ReactorAnswers(ctx context.Context, addr string) bool {
	status, _, err := ask(ctx, addr, "/healthz")
	return err == nil && status == http.StatusOK
}

// ask gets a page of the reactor's.
func ask(ctx context.Context, addr, path string) (status int, body string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+path, nil)
	if err != nil {
		return 0, "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), errors.Join(err, response.Body.Close())
}
