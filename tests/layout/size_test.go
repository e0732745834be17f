package layout

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

const (
	// maxLines of a function, its signature and its braces among them.
	maxLines = 60
	// maxParameters of a function, its receiver left out.
	maxParameters = 5
	// maxMain is for the files main.go: they read the settings, wire and start.
	maxMain = 40
)

// tooLarge are the functions that may be larger, each with its reason.
var tooLarge = map[string]string{
	"reactor/silver.appendJSON": "one case for each kind of Arrow column",
}

func TestFunctionsAreSmall(t *testing.T) {
	used := map[string]bool{}
	for _, p := range packages(t) {
		for _, file := range p.GoFiles {
			for _, f := range functions(t, filepath.Join(p.Dir, file)) {
				name := p.ImportPath[len(module):] + "." + f.name
				if f.lines <= maxLines && f.parameters <= maxParameters {
					continue
				}
				used[name] = true
				if tooLarge[name] == "" {
					t.Errorf("%s: %s has %d lines (%d) and %d parameters (%d): split it, or give the reason in tooLarge", f.at, name, f.lines, maxLines, f.parameters, maxParameters)
				}
			}
		}
	}
	for name, reason := range tooLarge {
		if !used[name] {
			t.Errorf("%s needs no exception any more", name)
		}
		t.Logf("larger: %s: %s", name, reason)
	}
}

func TestMainIsShort(t *testing.T) {
	mains := 0
	for _, p := range packages(t) {
		if !slices.Contains(p.GoFiles, "main.go") {
			continue
		}
		mains++
		text, err := os.ReadFile(filepath.Join(p.Dir, "main.go"))
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(text, []byte("\n")); n > maxMain {
			t.Errorf("%s/main.go has %d lines, more than %d", p.ImportPath, n, maxMain)
		}
	}
	if mains != 3 {
		t.Errorf("%d programs have a main.go, want 3", mains)
	}
}

type function struct {
	name, at          string
	lines, parameters int
}

func functions(t *testing.T, file string) []function {
	t.Helper()
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, file, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	if ast.IsGenerated(f) {
		return nil
	}
	var all []function
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		name := fn.Name.Name
		if fn.Recv != nil {
			name = receiver(fn.Recv.List[0].Type) + "." + name
		}
		parameters := 0
		for _, p := range fn.Type.Params.List {
			parameters += max(1, len(p.Names))
		}
		from, to := set.Position(fn.Pos()), set.Position(fn.End())
		all = append(all, function{name, fmt.Sprintf("%s:%d", filepath.Base(file), from.Line), to.Line - from.Line + 1, parameters})
	}
	return all
}

func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return "?"
}
