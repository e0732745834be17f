package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/joho/godotenv"
	"go.yaml.in/yaml/v3"

	"millrace/infra/minio"
)

// composition is infra/compose.yaml, as far as the tests look at it.
type composition struct {
	Services map[string]service `yaml:"services"`
}

type service struct {
	Image       string                                `yaml:"image"`
	PullPolicy  string                                `yaml:"pull_policy"`
	Build       *struct{ Target string }              `yaml:"build"`
	Restart     string                                `yaml:"restart"`
	ReadOnly    bool                                  `yaml:"read_only"`
	CapDrop     []string                              `yaml:"cap_drop"`
	SecurityOpt []string                              `yaml:"security_opt"`
	PIDsLimit   int                                   `yaml:"pids_limit"`
	MemLimit    string                                `yaml:"mem_limit"`
	StopGrace   string                                `yaml:"stop_grace_period"`
	Environment map[string]string                     `yaml:"environment"`
	Ports       []string                              `yaml:"ports"`
	Healthcheck *struct{ Test []string }              `yaml:"healthcheck"`
	Volumes     []string                              `yaml:"volumes"`
	EnvFile     []struct{ Path string }               `yaml:"env_file"`
	DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
}

func compose(t *testing.T) (composition, string) {
	t.Helper()
	text, err := os.ReadFile("../compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var c composition
	if err := yaml.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	return c, string(text)
}

func TestEveryContainerIsClosedAndWatched(t *testing.T) {
	c, _ := compose(t)
	for name, s := range c.Services {
		if !s.ReadOnly || !slices.Contains(s.CapDrop, "ALL") || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") || s.PIDsLimit == 0 || s.MemLimit == "" {
			t.Errorf("%s lacks a part of what every container has", name)
		}
		for _, port := range s.Ports {
			if !strings.HasPrefix(port, "127.0.0.1:") {
				t.Errorf("%s: port %s is open to other machines", name, port)
			}
		}
		if s.Build != nil && s.PullPolicy != "never" {
			t.Errorf("%s: somebody else's image of the name %s would be run", name, s.Image)
		}
		ends := false
		for _, other := range c.Services {
			ends = ends || other.DependsOn[name].Condition == "service_completed_successfully"
		}
		watched := s.Healthcheck != nil && len(s.Healthcheck.Test) > 1
		// `up --wait` waits for the end of a service where another one does, and for the health of the rest.
		switch {
		case ends != (s.Restart == "no"):
			t.Errorf("%s: restart is %q, but that others wait for its end is %v", name, s.Restart, ends)
		case ends == watched || !ends && s.StopGrace == "":
			t.Errorf("%s: a service that stays needs a health check and time to stop, one that ends no health check", name)
		}
	}
}

var (
	secretName = regexp.MustCompile(`(PASSWORD|SECRET|SECRET_KEY|API_KEY|FERNET_KEY)$|PASSWORD_(FAST|SAFE)$`)
	inURL      = regexp.MustCompile(`://[^/@:]+:([^@]+)@`)
	fromEnv    = regexp.MustCompile(`^\$\{([A-Z0-9_]+):?\?run infra/images/secrets\.sh\}$`)
	required   = regexp.MustCompile(`\$\{([A-Z0-9_]+):\?`)
)

func TestNoSecretIsInTheFile(t *testing.T) {
	c, _ := compose(t)
	seen := 0
	for name, s := range c.Services {
		for variable, value := range s.Environment {
			secret := value
			if match := inURL.FindStringSubmatch(value); match != nil {
				secret = match[1]
			} else if !secretName.MatchString(variable) {
				continue
			}
			seen++
			if !fromEnv.MatchString(secret) {
				t.Errorf("%s: %s does not come from .env alone, or need not be there", name, variable)
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d secrets were looked at", seen)
	}
}

// A source of one's own is landed by the DAGs and promoted by the reactor: both see the folder of its file, and the tasks its secrets.
func TestOwnFilesReachTheReactorAndTheDAGs(t *testing.T) {
	c, _ := compose(t)
	for name, s := range c.Services {
		runs := name == "reactor" || strings.HasPrefix(name, "airflow-")
		for _, kind := range []string{"datasets", "models"} {
			folder := "/srv/" + kind
			mount := "${MILLRACE_OWN_" + strings.ToUpper(kind) + ":-./own/" + kind + "}:" + folder + ":ro"
			if has := s.Environment["MILLRACE_"+strings.ToUpper(kind)] == folder && slices.Contains(s.Volumes, mount); has != runs {
				t.Errorf("%s sees the %s of one's own: %t, want %t: %v", name, kind, has, runs, s.Volumes)
			}
		}
		if sources, has := s.Environment["MILLRACE_SOURCES"]; has != strings.HasPrefix(name, "airflow-") || has && sources != "${MILLRACE_SOURCES:-}" {
			t.Errorf("%s gets MILLRACE_SOURCES as %q", name, sources)
		}
		if has := len(s.EnvFile) == 1 && s.EnvFile[0].Path == "sources.env"; has != (name == "airflow-scheduler") {
			t.Errorf("%s gets the secrets of sources: %t", name, has)
		}
	}
}

// What owns the catalog can drop every table: the reactor alone has that password, beside the database that is made with it.
func TestOnlyTheReactorOwnsTheCatalog(t *testing.T) {
	c, _ := compose(t)
	for name, s := range c.Services {
		has := false
		for _, value := range s.Environment {
			has = has || strings.Contains(value, "${MILLRACE_CATALOG_PASSWORD:?")
		}
		if owns := name == "reactor" || name == "postgres"; has != owns {
			t.Errorf("%s has the password of the catalog's owner: %t, want %t", name, has, owns)
		}
	}
	if reads := c.Services["airflow-scheduler"].Environment["MILLRACE_CATALOG"]; !strings.HasPrefix(reads, "postgres://reader:") {
		t.Errorf("the reports read the catalog as %q", reads)
	}
}

// The script runs in a folder of its own, as it would beside compose.yaml.
func TestTheScriptMakesAllThatIsRequiredOnce(t *testing.T) {
	_, text := compose(t)
	script, err := os.ReadFile("../images/secrets.sh")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, ".env")
	if err := os.Mkdir(filepath.Join(dir, "images"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "images", "secrets.sh"), script, 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(key string) (map[string]string, []byte) {
		cmd := exec.Command("sh", filepath.Join(dir, "images", "secrets.sh"))
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "COINCAP_API_KEY=" + key}
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Fatalf("%v\n%s", err, out)
		}
		written, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		vars, err := godotenv.UnmarshalBytes(written)
		if err != nil {
			t.Fatal(err)
		}
		return vars, written
	}
	vars, first := run("")
	for _, match := range required.FindAllStringSubmatch(text, -1) {
		if vars[match[1]] == "" {
			t.Errorf("%s is required, and not made", match[1])
		}
	}
	values := map[string]bool{}
	for name, value := range vars {
		if secretName.MatchString(name) && value != "" && (len(value) < 40 || values[value]) {
			t.Errorf("%s is short, or another's too", name)
		}
		values[value] = true
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, second := run("a-key"); !bytes.Equal(first, second) {
		t.Error("a second run changes what is there")
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if vars, _ = run("a-key"); vars["COINCAP_API_KEY"] != "a-key" || vars["COMPOSE_PROFILES"] != "" || strings.Contains(vars["COINCAP_BASE_URL"], "simulator") {
		t.Error("with a key, the source is not CoinCap")
	}
}

func TestSetupHasASecretForEveryUser(t *testing.T) {
	c, _ := compose(t)
	for _, name := range secretVariables() {
		if !strings.HasPrefix(c.Services["setup"].Environment[name], "${"+name+":?") {
			t.Errorf("setup lacks %s", name)
		}
	}
}

func TestImagesAreBuiltFromTheVersionsThatTheProjectUses(t *testing.T) {
	c, _ := compose(t)
	text, err := os.ReadFile("../images/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	dockerfile := string(text)
	gomod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	broker := regexp.MustCompile(`nats-server/v2 (v\S+)`).FindStringSubmatch(string(gomod))
	if broker == nil || !strings.Contains(dockerfile, "\nARG NATS_VERSION="+broker[1]+"\n") {
		t.Errorf("the image's nats-server is not the one of go.mod: %v", broker)
	}
	if !strings.Contains(dockerfile, "\nARG MINIO_VERSION="+minio.Version+"\n") {
		t.Errorf("the image's MinIO is not %s", minio.Version)
	}
	for name, s := range c.Services {
		if s.Build != nil && !strings.Contains(dockerfile, " AS "+s.Build.Target+"\n") {
			t.Errorf("%s: the Dockerfile has no target %q", name, s.Build.Target)
		}
	}
}
