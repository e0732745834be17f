// Package namespace names millrace's tables as the catalog does: silver.<table> and gold.<table>.
package namespace

import "strings"

// Namespace is the part of a table's name before the dot.
type Namespace string

// The namespaces in which millrace makes tables.
const (
	Silver Namespace = "silver"
	Gold   Namespace = "gold"
)

// Own lists them.
var Own = []Namespace{Silver, Gold}

// Rejected is the table of refused rows, in Silver.
const Rejected = "rejected"

// Table returns a table's whole name.
func (n Namespace) Table(table string) string { return string(n) + "." + table }

// Cut is the inverse of Table; ok is false for a table of another namespace.
func (n Namespace) Cut(name string) (table string, ok bool) {
	return strings.CutPrefix(name, string(n)+".")
}

// Of is the namespace of millrace's own in which a table is; "" for a table of another one.
func Of(name string) Namespace {
	for _, n := range Own {
		if n.Has(name) {
			return n
		}
	}
	return ""
}

// Has tells whether a table is in the namespace.
func (n Namespace) Has(name string) bool {
	_, ok := n.Cut(name)
	return ok
}
