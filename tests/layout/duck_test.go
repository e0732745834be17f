package layout

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"testing"
)

// SQL of users and of models runs in databases of the programs. None of them may see a file or the network, and a database
// is that way unless somebody sets Unlocked: no program does.
func TestNoProgramUnlocksDuckDB(t *testing.T) {
	opened := 0
	for name, p := range packages(t) {
		if name == "reactor/duck" {
			continue
		}
		for _, file := range p.GoFiles {
			set := token.NewFileSet()
			f, err := parser.ParseFile(set, filepath.Join(p.Dir, file), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.SelectorExpr:
					if x, ok := n.X.(*ast.Ident); ok && x.Name == "duck" && (n.Sel.Name == "Open" || n.Sel.Name == "Temporary" || n.Sel.Name == "TemporaryConn") {
						opened++
					}
				case *ast.KeyValueExpr:
					if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Unlocked" {
						t.Errorf("%s unlocks DuckDB", set.Position(n.Pos()))
					}
				}
				return true
			})
		}
	}
	if opened < 5 {
		t.Errorf("found %d places that open a database, which is too few to be all of them", opened)
	}
}
