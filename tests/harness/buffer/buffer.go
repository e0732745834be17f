// Package buffer holds what a program or a logger writes, for a test that reads it meanwhile.
package buffer

import (
	"bytes"
	"sync"
)

// Locked is a buffer that may be read while it is written. The zero value is empty and ready.
type Locked struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write appends.
func (l *Locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// String is all that was written so far.
func (l *Locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
