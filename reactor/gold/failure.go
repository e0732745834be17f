package gold

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"millrace/reactor/duck"
)

// Failure says that a model cannot be computed from the present rows. Somebody must mend the model or the rows; another try
// will not help.
type Failure struct {
	Model  string // gold.<table>
	File   string // of the model, or of its audit
	Line   int    // 0 when unknown
	Reason string
	// Fatal tells that the SQL ended DuckDB's database. It must not run again.
	Fatal bool
	// Unverified: it can be computed from all days, and its header promises too much: its rows of a day come out otherwise from
	// fewer days, or from rows in another order.
	Unverified bool
}

func (f *Failure) Error() string {
	at := f.File
	if f.Line > 0 {
		at = fmt.Sprintf("%s:%d", f.File, f.Line)
	}
	return fmt.Sprintf("%s: %s cannot be computed: %s", at, f.Model, f.Reason)
}

// failed turns DuckDB's refusal of a model's SQL, or of an audit's in another file, into a *Failure. A lack of the machine or the
// end of the context is not the model's fault. Needing more than the memory limit for one day is.
func (m *Model) failed(ctx context.Context, file string, err error) error {
	var refusal *duck.Error
	if err == nil || ctx.Err() != nil || !errors.As(err, &refusal) || duck.OfMachine(err) {
		return err
	}
	f := &Failure{Model: m.Name, File: file, Reason: refusal.Message, Fatal: duck.Internal(err)}
	if before, after, ok := strings.Cut(refusal.Message, "\nLINE "); ok {
		f.Reason = before
		_, _ = fmt.Sscanf(after, "%d", &f.Line) // stays 0 if DuckDB names no line
	}
	if f.Fatal {
		f.Reason, _, _ = strings.Cut(f.Reason, "\n") // the C++ stack that follows is of no use to users
	}
	return f
}

// Without returns the set without the named models, without models that read them directly or indirectly, and without the audits
// of both.
func (s *Set) Without(names ...string) *Set {
	out, gone := &Set{Inputs: s.Inputs, Uses: s.Uses, Calm: s.Calm, Computing: s.Computing, Beside: s.Beside}, map[string]bool{}
	for _, m := range s.Models { // each model comes after those it reads
		if slices.Contains(names, m.Name) || slices.ContainsFunc(m.Inputs, func(in string) bool { return gone[in] }) {
			gone[m.Name] = true
			continue
		}
		out.Models = append(out.Models, m)
	}
	for _, a := range s.Audits {
		if !gone[a.Of] {
			out.Audits = append(out.Audits, a)
		}
	}
	return out
}
