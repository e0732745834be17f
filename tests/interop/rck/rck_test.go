//go:build rck

// Package rck runs Apache's REST Compatibility Kit against the Iceberg REST catalog of a live lake: the tests by which Iceberg's own
// reference server is tested. It needs Java and the kit's jars: `go tool task test:rck` brings those.
package rck

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	s3 "github.com/minio/minio-go/v7"

	"millrace/tests/harness"
	"millrace/tests/harness/buffer"
	"millrace/tests/harness/coin"
	"millrace/tests/postgres"
)

var jarsIn = flag.String("jars", "", "folder with the kit's jars")

// reference is what Iceberg 1.11's own server gets of the 157 tests; one of the others is skipped, and twelve give up because they are
// for abilities that a REST catalog does not have.
const reference = 144

// folder is where the kit wants tables to lie: its tests have the address file:/tmp in them.
const folder = "/tmp"

func TestTheKitPassesWhileTheReactorPromotes(t *testing.T) {
	for name, database := range map[string]func(t *testing.T) string{
		"SQLite":     func(*testing.T) string { return "" },
		"PostgreSQL": func(t *testing.T) string { return postgres.New(t).Database(t) },
	} {
		t.Run(name, func(t *testing.T) {
			s := harness.Start(t, harness.WithoutReactor())
			var env []string
			if address := database(t); address != "" {
				env = []string{"MILLRACE_CATALOG=" + address}
			}
			s.StartReactor(t, env...)
			iceberg := s.StartIceberg(t, env, "--folder", folder)
			beside := promote(t, s, env)
			run(t, iceberg)
			if n := beside(); n < 5 {
				t.Errorf("%d objects were promoted beside the kit: want at least 5", n)
			}
			s.CheckEqual(t, env...)
		})
	}
}

// promote puts objects, two a second, until the function that it returns is called. That waits until all are in gold, and returns how many
// they were.
func promote(t *testing.T, s *harness.Stack, env []string) func() int {
	stop, ended := make(chan struct{}), make(chan struct{})
	var keys []string
	var failed error
	go func() {
		defer close(ended)
		for tick := time.Tick(500 * time.Millisecond); failed == nil; {
			select {
			case <-stop:
				return
			case <-tick:
			}
			n := len(keys)
			key := coin.AssetsKey(fmt.Sprintf("beside-%d.json", n))
			body := coin.Assets(coin.Day(time.June, 1).Add(time.Duration(n)*time.Minute), coin.Asset("bitcoin", strconv.Itoa(n+1), "10"))
			_, failed = s.Client().PutObject(context.Background(), s.Bucket(), key, bytes.NewReader(body), int64(len(body)), s3.PutObjectOptions{})
			keys = append(keys, key)
		}
	}()
	return func() int {
		close(stop)
		<-ended
		if failed != nil {
			t.Fatalf("put %s: %v", keys[len(keys)-1], failed)
		}
		for _, key := range keys {
			if r := s.RunEnv(t, env, "reactor", "wait", "--key", key); r.Code != 0 {
				t.Errorf("%s did not come to gold: %s", key, r)
			}
		}
		return len(keys)
	}
}

var line = regexp.MustCompile(`\[ *(\d+) tests (found|skipped|started|aborted|successful|failed) *\]`)

// run runs the kit and holds its result against the reference's.
func run(t *testing.T, iceberg *harness.Iceberg) {
	t.Helper()
	jars, err := filepath.Glob(filepath.Join(*jarsIn, "*.jar"))
	if err != nil || len(jars) == 0 {
		t.Fatalf("-jars %q has no jars of the kit: `go tool task test:rck` brings them (%v)", *jarsIn, err)
	}
	for _, left := range []string{"ns", "newdb"} { // what the kit's tests make there
		t.Cleanup(func() { _ = os.RemoveAll(filepath.Join(folder, left)) })
	}
	var out buffer.Locked
	kit := exec.CommandContext(t.Context(), "java", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-Djava.io.tmpdir="+folder,
		"-cp", strings.Join(jars, ":"), "org.junit.platform.console.ConsoleLauncher", "execute",
		"--select-class", "org.apache.iceberg.rest.RESTCompatibilityKitCatalogTests", "--select-class", "org.apache.iceberg.rest.RESTCompatibilityKitViewCatalogTests",
		"--config", "rck.local=false", "--details=tree", "--disable-banner", "--disable-ansi-colors")
	kit.Env = append(os.Environ(), "CATALOG_URI="+iceberg.URI, "CATALOG_TOKEN="+iceberg.Token, "CATALOG_WAREHOUSE=lakehouse",
		"CATALOG_RCK_REQUIRES__NAMESPACE__CREATE=true")
	kit.Stdout, kit.Stderr, kit.Dir = &out, &out, t.TempDir()
	began := time.Now()
	ended := kit.Run()
	got := map[string]int{}
	for _, match := range line.FindAllStringSubmatch(out.String(), -1) {
		got[match[2]], _ = strconv.Atoi(match[1]) // digits
	}
	t.Logf("in %s: %v", time.Since(began).Round(time.Second), got)
	if ended != nil || got["failed"] != 0 || got["successful"] < reference {
		t.Errorf("the kit: %v, %v; want %d successful and none failed\n%s\n%s", ended, got, reference, failures(out.String()), iceberg.Stderr())
	}
}

// failures are the lines of the tests that failed.
func failures(out string) string {
	var all []string
	for l := range strings.Lines(out) {
		if strings.Contains(l, "[X]") || strings.Contains(l, "✘") {
			all = append(all, l)
		}
	}
	return fmt.Sprint(len(all), " failed\n", strings.Join(all, ""))
}
