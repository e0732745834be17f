package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"millrace/infra/nats"
	"millrace/infra/settings"
)

func testEnvironment(role string) map[string]string { return testAccess().environment(role) }

func testAccess() access {
	secrets := credentials{
		root: "root-secret",
		s3:   map[string]settings.Secret{"owner": "s3-owner", "ingestor": "s3-ingestor", "reactor": "s3-reactor", "analyst": "s3-analyst"},
		nats: nats.Passwords{"minio": "nats-minio", "reactor": "nats-reactor", "owner": "nats-owner"},

		tokens: map[string]settings.Secret{"owner": "token-owner", "analyst": "token-analyst", "reporter": "token-reporter"},
	}
	at := addresses{S3: "http://127.0.0.1:9000", NATS: "nats://127.0.0.1:4222", HTTP: "127.0.0.1:8088", Simulator: "http://127.0.0.1:9999"}
	all := access{home: "/home/it's/.millrace", at: at, bucket: "lakehouse", catalog: "sqlite:////c.db", secrets: secrets}
	all.natsURL = func(user string) settings.Secret {
		return "nats://" + settings.Secret(user) + ":" + secrets.nats[user] + "@127.0.0.1:4222"
	}
	return all
}

func TestWhoOnlyReadsGetsACatalogThatCannotBeWritten(t *testing.T) {
	for role, want := range map[string]string{
		"owner": "sqlite:////c.db", "reactor": "sqlite:////c.db", "analyst": "sqlite:///file:/c.db?mode=ro&uri=true", "reporter": "sqlite:///file:/c.db?mode=ro&uri=true",
	} {
		if got := testEnvironment(role)["MILLRACE_CATALOG"]; got != want {
			t.Errorf("the catalog of %s is %s, want %s", role, got, want)
		}
	}
	for _, readers := range []settings.Secret{"", "postgres://reader:pass-of-readers@h/lake"} {
		server := testAccess()
		server.catalog, server.readers = "postgres://lakehouse:pass-of-owner@h/lake", readers
		for _, role := range roles {
			vars := server.environment(role)
			catalog, there := vars["MILLRACE_CATALOG"]
			all := strings.Join(childEnvironment(nil, role, vars), "\n")
			switch role {
			case "owner", "reactor":
				if catalog != server.catalog.Reveal() {
					t.Errorf("the catalog of %s is %s", role, catalog)
				}
			case "analyst", "reporter":
				if catalog != readers.Reveal() || there != (readers != "") || strings.Contains(all, "pass-of-owner") {
					t.Errorf("%s has %s", role, all)
				}
			default:
				if strings.Contains(all, "pass-of") {
					t.Errorf("%s has %s", role, all)
				}
			}
		}
	}
}

func TestEachRoleGetsItsOwnSecretsOnly(t *testing.T) {
	for _, role := range roles {
		all := strings.Join(childEnvironment(nil, role, testEnvironment(role)), "\n")
		for _, secret := range []string{"root-secret", "s3-owner", "s3-ingestor", "s3-reactor", "s3-analyst", "nats-minio", "nats-reactor", "nats-owner", "token-owner", "token-analyst", "token-reporter"} {
			own := secret == "s3-"+role || secret == "token-"+role || strings.HasPrefix(secret, "token-") && role == "reactor" || secret == "nats-"+role && (role == "owner" || role == "reactor")
			if strings.Contains(all, secret) != own {
				t.Errorf("role %s and %s: has it is %v", role, secret, !own)
			}
		}
	}
}

func TestAChildSeesNothingOfAnotherStack(t *testing.T) {
	user := []string{
		"PATH=/bin", "LANG=C", "MILLRACE_MODELS=/elsewhere", "MILLRACE_LOG_LEVEL=debug",
		"MILLRACE_NATS_URL=nats://owner:other@elsewhere", "MILLRACE_S3_ENDPOINT=http://elsewhere", "MILLRACE_CATALOG=sqlite:////elsewhere",
		"AWS_SECRET_ACCESS_KEY=other", "MILLRACE_OWNER_TOKEN=other", "MILLRACE_ICEBERG_TOKEN=other", "MILLRACE_TLS_CERT=/elsewhere", "COINCAP_API_KEY=key", "COINCAP_BASE_URL=http://elsewhere",
	}
	for _, role := range []string{"reactor", "ingestor"} {
		env := childEnvironment(user, role, testEnvironment(role))
		text := strings.Join(env, "\n")
		if strings.Contains(text, "elsewhere") || strings.Contains(text, "other") {
			t.Errorf("role %s sees another stack:\n%s", role, text)
		}
		for _, kept := range []string{"PATH=/bin", "LANG=C", "MILLRACE_LOG_LEVEL=debug"} {
			if !slices.Contains(env, kept) {
				t.Errorf("role %s lacks %s", role, kept)
			}
		}
		if got, want := slices.Contains(env, "COINCAP_API_KEY=key"), role == "ingestor"; got != want {
			t.Errorf("role %s has CoinCap's key: %v, want %v", role, got, want)
		}
	}
}

// An engine needs an address, a name and a token; who asks for no tables has none of them.
func TestARolesEnvironmentOpensTheCatalog(t *testing.T) {
	for _, role := range roles {
		vars := testEnvironment(role)
		want := map[string]string{"MILLRACE_ICEBERG_URI": "http://127.0.0.1:8088/iceberg", "MILLRACE_ICEBERG_TOKEN": "token-" + role, "MILLRACE_ICEBERG_WAREHOUSE": "lakehouse", "MILLRACE_CONSOLE_URL": "http://127.0.0.1:8088/?token=token-" + role}
		if !slices.Contains(tokenRoles, role) {
			want = map[string]string{}
		}
		for _, name := range []string{"MILLRACE_ICEBERG_URI", "MILLRACE_ICEBERG_TOKEN", "MILLRACE_ICEBERG_WAREHOUSE", "MILLRACE_CONSOLE_URL"} {
			if vars[name] != want[name] {
				t.Errorf("role %s: %s is %q, want %q", role, name, vars[name], want[name])
			}
		}
		if got := vars["MILLRACE_ANALYST_TOKEN"]; (got == "token-analyst") != (role == "reactor") {
			t.Errorf("role %s: the analyst's token for the reactor is %q", role, got)
		}
	}
	for at, want := range map[string]string{"0.0.0.0:8088": "http://127.0.0.1:8088/iceberg", "[::]:8088": "http://127.0.0.1:8088/iceberg", ":8088": "http://127.0.0.1:8088/iceberg", "10.0.0.7:80": "http://10.0.0.7:80/iceberg"} {
		if got := (addresses{HTTP: at}).iceberg(); got != want {
			t.Errorf("a reactor on %s: %s, want %s", at, got, want)
		}
	}
}

func TestExportsSurviveAShell(t *testing.T) {
	vars := testEnvironment("owner")
	vars["MILLRACE_BUCKET"] = `a'b"c $HOME $(id) \`
	out, err := exec.Command("sh", "-c", exports(vars)+`printf '%s\n' "$MILLRACE_BUCKET" "$MILLRACE_HOME" "$AWS_SECRET_ACCESS_KEY" "$AWS_REGION"`).CombinedOutput()
	want := vars["MILLRACE_BUCKET"] + "\n/home/it's/.millrace\ns3-owner\nus-east-1\n"
	if err != nil || string(out) != want {
		t.Errorf("the shell has %q, %v; want %q", out, err, want)
	}
}

// A shell that had the owner's variables, and then takes an analyst's, has what a fresh shell of the analyst has.
func TestAShellKeepsNothingOfTheRoleBefore(t *testing.T) {
	all := testAccess()
	all.own = up{Models: "/models", Datasets: "/datasets"}.own()
	shell := func(script string) string {
		cmd := exec.Command("sh", "-c", script+"env | grep -E '^(MILLRACE|AWS)_' | sort")
		cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return string(out)
	}
	for _, before := range roles {
		for _, role := range roles {
			evals := exports(all.environment(role))
			if got, want := shell(exports(all.environment(before))+"export MILLRACE_NATS_CREDS=/owner.creds\n"+evals), shell(evals); got != want {
				t.Errorf("%s after %s has\n%s\nand afresh\n%s", role, before, got, want)
			}
		}
	}
	if text := exports(map[string]string{"MILLRACE_AIRFLOW_URL": "http://127.0.0.1:8080"}); strings.Contains(text, "unset") {
		t.Errorf("Airflow's settings take a role's away: %s", text)
	}
}

// A command beside the stack computes the models that its reactor computes, wherever it is started; without own models it has none.
func TestTheFolderOfModelsReachesEveryRoleThatReadsTables(t *testing.T) {
	all := testAccess()
	for _, models := range []string{"", "/models"} {
		all.own = up{Models: models}.own()
		for _, role := range roles {
			got, there := all.environment(role)["MILLRACE_MODELS"]
			if role != "ingestor" && got != models || there != (models != "" && role != "ingestor") {
				t.Errorf("with models in %q role %s has %q, %v", models, role, got, there)
			}
			if env := childEnvironment([]string{"MILLRACE_MODELS=models"}, role, all.environment(role)); slices.Contains(env, "MILLRACE_MODELS=models") {
				t.Errorf("role %s has the shell's own: %q", role, env)
			}
		}
	}
}

// Commands run in any folder: what `up` was given beside its own is written down as a whole path.
func TestUpHandsOnWholePaths(t *testing.T) {
	t.Chdir(t.TempDir())
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"models", "datasets"} {
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("MILLRACE_MODELS", "models")
	var a app
	parser, err := kong.New(&a)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse([]string{"up", "--datasets", "./datasets"}); err != nil {
		t.Fatal(err)
	}
	if got := a.Up.own(); len(got) != 2 || got["MILLRACE_MODELS"] != filepath.Join(here, "models") || got["MILLRACE_DATASETS"] != filepath.Join(here, "datasets") {
		t.Errorf("it hands on %q", got)
	}
}
