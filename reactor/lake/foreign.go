package lake

import (
	"errors"
	"log/slog"
	"slices"
	"strings"

	"millrace/reactor/namespace"
)

// OwnedNamespace tells whether a namespace, or the one that it is in, is millrace's own.
func OwnedNamespace(name string) bool {
	top, _, _ := strings.Cut(name, ".")
	return slices.Contains(namespace.Own, namespace.Namespace(top))
}

// errPassedOver says that a foreign table's metadata could not be read before, and that the pointer has not moved since.
var errPassedOver = errors.New("the table is passed over: its metadata could not be read")

// foreign tells whether a table is in a namespace in which millrace has no tables. Another engine may have made it where the
// reactor's key cannot read, and that must not end the reactor.
func (p pointer) foreign() bool { return !OwnedNamespace(p.Name) }

// passOver leaves a foreign table out of views until its pointer moves. To ask the store in vain for each view would slow every
// commit.
func (l *Lake) passOver(p pointer, why error) {
	if errors.Is(why, errPassedOver) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.passed[p.Name] = p.Location
	slog.Debug("a table of another namespace is left alone: its metadata cannot be read", "table", p.Name, "error", why)
}

// passedOver tells whether a table was passed over and has not changed since.
func (l *Lake) passedOver(p pointer) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.passed[p.Name] == p.Location
}
