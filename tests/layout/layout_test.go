// Package layout holds the project's structure to what its design says: which package may import which, and that the
// pure ones stay pure.
package layout

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// floors are the packages of the programs, from the ground up. A package imports only from floors below its own. What is not
// listed here may not exist.
var floors = [][]string{
	{"infra/files", "infra/strict", "infra/cli", "infra/tracing", "infra/bucket", "infra/streams", "infra/prometheus", "ingestor/bronze", "ingestor/retry", "ingestor/coincap/market", "reactor/duck", "reactor/gold/plan", "reactor/health", "reactor/namespace"},
	{"infra/settings", "ingestor/source", "ingestor/recipe", "reactor/console/web", "reactor/reload", "reactor/event", "reactor/silver", "reactor/gold", "reactor/lake"},
	{"infra/process", "infra/nats", "infra/sqs", "infra/airflow", "infra/airflow/airflowtest", "ingestor/landing", "ingestor/coincap", "reactor/silver/definition", "reactor/silver/silvertest", "reactor/stream", "reactor/rows", "reactor/reconcile", "reactor/imports", "reactor/access", "reactor/drift"},
	{"infra/minio", "ingestor/coincap/ingest", "ingestor/fetch", "reactor/silver/datasets", "reactor/silver/datasets/coincap", "reactor/silver/infer", "reactor/upkeep", "reactor/intake", "reactor/gauge", "reactor/airflow"},
	{"infra/local", "ingestor/command", "reactor/tables", "reactor/sample"},
	{"ingestor", "reactor/promote", "reactor/announce"},
	{"reactor/progress", "reactor/proof"},
	{"reactor/query", "reactor/backup", "reactor/preview", "reactor/retract"},
	{"reactor/branch", "reactor/lineage", "reactor/pgwire", "reactor/repair", "reactor/rest", "reactor/console/now", "reactor/console/tables", "reactor/console/objects", "reactor/console/sql", "reactor/console/market", "reactor/console/letters", "reactor/console/search"},
	{"reactor/console/lineage", "reactor/console/replay"},
	{"reactor/console"},
	{"reactor/service"},
	{"reactor/command"},
	{"reactor"},
}

// mayImport says which packages of another part of the project a part may import: infra knows nothing of the data, and the
// ingestor nothing of the tables.
var mayImport = map[string][]string{
	"infra":    {"ingestor/coincap", "ingestor/coincap/market"}, // the stack starts the simulator
	"ingestor": {"infra/"},
	"reactor":  {"infra/", "ingestor/bronze", "ingestor/recipe"},
}

// pure packages know no network, no disk and no clock: what they say is a function of what they are given.
var pure = []string{"ingestor/recipe", "reactor/namespace", "reactor/event", "reactor/silver", "reactor/silver/definition", "reactor/silver/infer", "reactor/silver/datasets", "reactor/gold/plan", "reactor/drift"}

// impure are packages that a pure one may not import, and clock the functions that it may not call.
var (
	impure = []string{"net", "net/http", "os", "os/exec", "database/sql", "syscall", "math/rand", "math/rand/v2", "crypto/rand"}
	clock  = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick"}
)

type goPackage struct {
	ImportPath string
	Dir        string
	Imports    []string
	GoFiles    []string
}

const module = "millrace/"

func packages(t *testing.T) map[string]goPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Dir,Imports,GoFiles", "millrace/infra/...", "millrace/ingestor/...", "millrace/reactor/...").Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %s", exit.Stderr)
		}
		t.Fatal(err)
	}
	found := map[string]goPackage{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return found
		} else if err != nil {
			t.Fatal(err)
		}
		found[strings.TrimPrefix(p.ImportPath, module)] = p
	}
}

func TestImportsPointOneWay(t *testing.T) {
	found := packages(t)
	floor := map[string]int{}
	for n, names := range floors {
		for _, name := range names {
			floor[name] = n
			if _, ok := found[name]; !ok {
				t.Errorf("the layout has a place for %s, which is not there", name)
			}
		}
	}
	for name, p := range found {
		n, listed := floor[name]
		if !listed {
			t.Errorf("%s has no place in the layout: add it to a floor above all that it imports", name)
			continue
		}
		for _, i := range p.Imports {
			own, ok := strings.CutPrefix(i, module)
			if !ok {
				continue
			}
			if floor[own] >= n {
				t.Errorf("%s on floor %d imports %s on floor %d: an import leads down", name, n, own, floor[own])
			}
			if part, _, _ := strings.Cut(name, "/"); !within(own, part) {
				t.Errorf("%s imports %s, which no package of %s may", name, own, part)
			}
		}
	}
	t.Log(houseMap(found))
}

// within tells whether a package of a part may import another one.
func within(imported, part string) bool {
	if imported == part || strings.HasPrefix(imported, part+"/") {
		return true
	}
	return slices.ContainsFunc(mayImport[part], func(may string) bool {
		return imported == may || strings.HasSuffix(may, "/") && strings.HasPrefix(imported, may)
	})
}

// houseMap draws the packages by floor, the top one first, with the lines of each: go test -v ./tests/layout prints it.
func houseMap(found map[string]goPackage) string {
	var b strings.Builder
	b.WriteString("packages by floor (lines without tests)\n")
	for n := len(floors) - 1; n >= 0; n-- {
		fmt.Fprintf(&b, "%2d ", n)
		for _, name := range slices.Sorted(slices.Values(floors[n])) {
			fmt.Fprintf(&b, " %s (%d)", name, found[name].lines())
		}
		b.WriteString("\n")
	}
	return b.String()
}

func (p goPackage) lines() (n int) {
	for _, file := range p.GoFiles {
		text, err := os.ReadFile(filepath.Join(p.Dir, file))
		if err == nil {
			n += bytes.Count(text, []byte("\n"))
		}
	}
	return n
}

func TestPurePackagesStayPure(t *testing.T) {
	found := packages(t)
	for _, name := range pure {
		p, ok := found[name]
		if !ok {
			t.Errorf("%s is not there", name)
			continue
		}
		for _, i := range p.Imports {
			if slices.Contains(impure, i) {
				t.Errorf("%s imports %s", name, i)
			}
		}
		for _, file := range p.GoFiles {
			for _, call := range clockCalls(t, filepath.Join(p.Dir, file)) {
				t.Errorf("%s: %s looks at the clock", name, call)
			}
		}
	}
}

func clockCalls(t *testing.T, file string) []string {
	t.Helper()
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var calls []string
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clock, s.Sel.Name) {
				calls = append(calls, set.Position(n.Pos()).String())
			}
		}
		return true
	})
	return calls
}
