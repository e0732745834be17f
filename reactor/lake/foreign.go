package lake

import (
	"errors"
	"log/slog"
	"strings"
)

// ownNamespaces are those whose tables every view must have.
var ownNamespaces = []string{"silver.", "gold."}

// errPassedOver says that the metadata of a table of others could not be read before, and is the same still.
var errPassedOver = errors.New("the table is passed over: its metadata could not be read")

// foreign tells whether a table is in a namespace that millrace keeps nothing in. Another engine may have made it where the
// reactor's key cannot read, and that must not end the reactor.
func (p pointer) foreign() bool {
	for _, own := range ownNamespaces {
		if strings.HasPrefix(p.Name, own) {
			return false
		}
	}
	return true
}

// passOver leaves a foreign table out of views until its pointer moves: to ask the store in vain with each view would slow
// every commit.
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
