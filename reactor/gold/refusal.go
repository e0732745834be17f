package gold

import "fmt"

// Refusal says why a model or audit is refused: where, what, why, and how to mend it.
type Refusal struct {
	File   string
	Line   int
	Reason string
}

func (r *Refusal) Error() string { return fmt.Sprintf("%s:%d: %s", r.File, r.Line, r.Reason) }

func refuse(file string, line int, format string, args ...any) error {
	return &Refusal{File: file, Line: line, Reason: fmt.Sprintf(format, args...)}
}
