package minio

import (
	"maps"
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"millrace/infra/settings"
)

// The container's MinIO must have the environment that Start gives its child, switch by switch: every weaker combination loses events.
func TestTheContainersMinIOIsSetUpAsTheStacks(t *testing.T) {
	text, err := os.ReadFile("../compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services struct {
			MinIO struct{ Environment map[string]string } `yaml:"minio"`
		}
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	secret := func(name string) settings.Secret {
		return settings.Secret("${" + name + ":?run infra/images/secrets.sh}")
	}
	want := map[string]string{}
	for _, entry := range environment(Config{
		Queue: "/events/queue", RootUser: "millrace-root", RootPassword: secret("MILLRACE_MINIO_ROOT_PASSWORD"),
		NATSAddress: "nats:4222", NATSUser: "minio", NATSPassword: secret("MILLRACE_NATS_MINIO_PASSWORD"),
	}) {
		if name, value, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "MINIO_") {
			want[name] = value
		}
	}
	got := maps.Clone(file.Services.MinIO.Environment)
	maps.DeleteFunc(got, func(name, _ string) bool { return !strings.HasPrefix(name, "MINIO_") })
	if !maps.Equal(got, want) {
		t.Errorf("the container has\n%v\nwant\n%v", got, want)
	}
}
