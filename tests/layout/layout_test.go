// Package layout holds the project's structure to what its design says: which package may import which, and that the
// pure ones stay pure.
package layout

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// allowed are the packages of this module that a package may import. What is not listed here may not exist.
var allowed = map[string][]string{
	"infra/files":    {},
	"infra/settings": {"infra/files"},
	"infra/cli":      {},
	"infra/tracing":  {},
	"infra/process":  {"infra/files", "infra/settings"},
	"infra/nats":     {"infra/settings"},
	"infra/minio":    {"infra/process", "infra/settings", "reactor/stream"},
	"infra/local": {
		"infra/cli", "infra/files", "infra/minio", "infra/nats", "infra/process", "infra/settings", "ingestor/coincap", "ingestor/coincap/market", "reactor/stream",
	},

	"ingestor/bronze":         {},
	"ingestor/source":         {"ingestor/bronze"},
	"ingestor/landing":        {"infra/tracing", "ingestor/bronze", "ingestor/source"},
	"ingestor/coincap":        {"infra/settings", "ingestor/bronze", "ingestor/coincap/market", "ingestor/source"},
	"ingestor/coincap/market": {},
	"ingestor/coincap/ingest": {"ingestor/bronze", "ingestor/coincap", "ingestor/landing", "ingestor/source"},
	"ingestor/command": {
		"infra/cli", "infra/settings", "infra/tracing", "ingestor/bronze", "ingestor/coincap", "ingestor/coincap/ingest", "ingestor/coincap/market", "ingestor/landing", "ingestor/source",
	},
	"ingestor": {"infra/cli", "infra/settings", "ingestor/command"},

	"reactor/event":             {"ingestor/bronze"},
	"reactor/stream":            {"infra/tracing", "reactor/event"},
	"reactor/silver":            {"ingestor/bronze"},
	"reactor/silver/coincap":    {"reactor/silver"},
	"reactor/silver/datasets":   {"reactor/silver", "reactor/silver/coincap"},
	"reactor/silver/silvertest": {"ingestor/bronze", "reactor/silver"},
	"reactor/duck":              {},
	"reactor/gold/plan":         {},
	"reactor/gold":              {"infra/tracing", "reactor/duck", "reactor/gold/plan"},
	"reactor/lake":              {"infra/tracing"},
	"reactor/rows":              {"reactor/duck", "reactor/lake"},
	"reactor/upkeep":            {"reactor/duck", "reactor/lake", "reactor/rows"},
	"reactor/reconcile":         {"ingestor/bronze", "reactor/event"},
	"reactor/console":           {},
	"reactor/gauge":             {"reactor/console", "reactor/lake", "reactor/stream"},
	"reactor/airflow":           {"infra/settings", "reactor/gold/plan"},
	"reactor/promote": {
		"infra/tracing", "ingestor/bronze", "reactor/duck", "reactor/event", "reactor/gold", "reactor/gold/plan", "reactor/lake", "reactor/rows", "reactor/silver",
	},
	"reactor": {
		"infra/cli", "infra/files", "infra/settings", "infra/tracing", "ingestor/bronze", "reactor/airflow", "reactor/console", "reactor/duck", "reactor/event", "reactor/gauge", "reactor/gold", "reactor/gold/plan", "reactor/lake",
		"reactor/promote", "reactor/reconcile", "reactor/rows", "reactor/silver", "reactor/silver/datasets", "reactor/stream", "reactor/upkeep",
	},
}

// pure packages know no network, no disk and no clock: what they say is a function of what they are given.
var pure = []string{"reactor/event", "reactor/silver", "reactor/silver/coincap", "reactor/silver/datasets", "reactor/gold/plan"}

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
	for name, p := range found {
		may, listed := allowed[name]
		if !listed {
			t.Errorf("%s is not in the layout: add it to allowed, with what it may import", name)
			continue
		}
		for _, i := range p.Imports {
			if own, ok := strings.CutPrefix(i, module); ok && !slices.Contains(may, own) {
				t.Errorf("%s imports %s, which the layout does not allow", name, own)
			}
		}
	}
	for name := range allowed {
		if _, ok := found[name]; !ok {
			t.Errorf("the layout allows imports to %s, which is not there", name)
		}
	}
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
