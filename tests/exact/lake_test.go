//go:build exact || genuine

package exact

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	s3 "github.com/minio/minio-go/v7"

	"millrace/tests/harness"
	"millrace/tests/harness/catalog"
)

var python = flag.String("python", "python3", "Python 3.10 or newer")

// object is what is put: a key, the file with its bytes, and user metadata.
type object struct {
	key, file string
	meta      map[string]string
}

// madeObject is a line of the generator's list.
type madeObject struct {
	Key, File string
	Meta      map[string]string
}

// version is a line of bronze's listing, as the recomputation reads it.
type version struct {
	Key      string            `json:"key"`
	Version  string            `json:"version"`
	Modified time.Time         `json:"modified"`
	Meta     map[string]string `json:"meta"`
	File     string            `json:"file"`
}

// lake is a stack, and what was put into it by object version.
type lake struct {
	*harness.Stack
	versions map[string]object
}

const (
	writers = 8
	chunk   = 400 // objects that are put before they are waited for
)

func newLake(t *testing.T) *lake {
	return &lake{Stack: harness.Start(t), versions: map[string]object{}}
}

// put puts the objects from several writers, and says as it goes how many are in silver.
func (l *lake) put(t *testing.T, list []object) {
	t.Helper()
	began := time.Now()
	for part := range slices.Chunk(list, chunk) {
		var mu sync.Mutex
		var group sync.WaitGroup
		for w := range writers {
			group.Go(func() {
				for i := w; i < len(part); i += writers {
					id, err := l.putOne(t, part[i])
					mu.Lock()
					if err != nil {
						t.Error(err)
					}
					l.versions[id] = part[i]
					mu.Unlock()
				}
			})
		}
		group.Wait()
		if t.Failed() {
			t.FailNow()
		}
		harness.Eventually(t, fmt.Sprintf("the ledger knows the %d objects that were put", len(l.versions)), func() bool {
			known := 0
			for _, e := range l.Ledger(t) {
				if _, ok := l.versions[e.Object()]; ok {
					known++
				}
			}
			return known >= len(l.versions)
		})
		t.Logf("%d of %d objects are in silver after %.1f s", len(l.versions), len(list), time.Since(began).Seconds())
	}
	l.Settled(t)
	t.Logf("all of them are in gold after %.1f s", time.Since(began).Seconds())
}

func (l *lake) putOne(t *testing.T, o object) (string, error) {
	body, err := os.ReadFile(o.file)
	if err != nil {
		return "", err
	}
	info, err := l.Client().PutObject(t.Context(), l.Bucket(), o.key, bytes.NewReader(body), int64(len(body)), s3.PutObjectOptions{UserMetadata: o.meta})
	if err != nil {
		return "", fmt.Errorf("put %s: %w", o.key, err)
	}
	return catalog.Version(o.key, info.VersionID), nil
}

// prove leaves a listing of bronze and all tables in the folder, and has every cell computed again. Then it has the lake check
// itself, which must find the same.
func (l *lake) prove(t *testing.T, folder string) {
	t.Helper()
	l.list(t, folder)
	if err := os.MkdirAll(filepath.Join(folder, "tables"), 0o750); err != nil {
		t.Fatal(err)
	}
	for _, table := range harness.Tables {
		text := l.Reactor(t, "query", "from "+table, "--output", "json")
		if err := os.WriteFile(filepath.Join(folder, "tables", table+".json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Log(recompute(t, "prove", folder))
	began := time.Now()
	verdicts := l.CheckEqual(t)
	took := time.Since(began)
	rows := 0
	for _, v := range verdicts {
		rows += v.Rows
	}
	t.Logf("reactor check: %d rows of %d tables equal, in %.1f s", rows, len(verdicts), took.Seconds())
}

// list writes bronze.jsonl: the object versions that the store has, with its own times.
func (l *lake) list(t *testing.T, folder string) {
	t.Helper()
	var lines bytes.Buffer
	n := 0
	for info := range l.Client().ListObjectsIter(t.Context(), l.Bucket(), s3.ListObjectsOptions{Prefix: "bronze/", Recursive: true, WithVersions: true}) {
		if info.Err != nil {
			t.Fatal(info.Err)
		}
		o, ok := l.versions[catalog.Version(info.Key, info.VersionID)]
		if !ok {
			t.Fatalf("%s has a version %s that nobody put", info.Key, info.VersionID)
		}
		line, err := json.Marshal(version{info.Key, info.VersionID, info.LastModified, o.meta, o.file})
		if err != nil {
			t.Fatal(err)
		}
		lines.Write(append(line, '\n'))
		n++
	}
	if n != len(l.versions) {
		t.Fatalf("bronze has %d object versions of %d that were put", n, len(l.versions))
	}
	if err := os.WriteFile(filepath.Join(folder, "bronze.jsonl"), lines.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// recompute runs the Python package, which must end well, and returns what it prints.
func recompute(t *testing.T, args ...string) string {
	t.Helper()
	// -B: no compiled files in the repository.
	command := exec.Command(*python, append([]string{"-B", "-m", "recompute"}, args...)...)
	var stdout, stderr strings.Builder
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		t.Fatalf("recompute %s (with %s; -python names another): %v\n%s%s", args[0], *python, err, stdout.String(), stderr.String())
	}
	return strings.TrimSpace(stdout.String())
}

func readLines[T any](t *testing.T, file string) (list []T) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var one T
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		list = append(list, one)
	}
	return list
}
