package namespace

import "testing"

func TestANameIsCutWhereItWasJoined(t *testing.T) {
	for _, n := range Own {
		name := n.Table("a.b")
		if table, ok := n.Cut(name); !ok || table != "a.b" || !n.Has(name) {
			t.Errorf("%s is cut into %q, %v", name, table, ok)
		}
		if Of(name) != n || Of("x."+name) != "" {
			t.Errorf("%s is of %q, and x.%s of %q", name, Of(name), name, Of("x."+name))
		}
		for _, other := range []string{"", "a.b", string(n), string(n) + "y.a", "x." + name} {
			if _, ok := n.Cut(other); ok || n.Has(other) {
				t.Errorf("%q counts as a table of %s", other, n)
			}
		}
	}
}
