package gold

import (
	"context"
	"fmt"

	"millrace/reactor/duck"
)

// With returns the set as it would be if the file of one model had another text. It reads and checks everything anew, because models
// that read this one change with it, and returns all faults joined, each as a *Refusal. The set itself stays as it is.
func (s *Set) With(ctx context.Context, model, text string) (*Set, error) {
	if _, ok := s.Model(model); !ok {
		return nil, fmt.Errorf("there is no model %s", model)
	}
	conn, done, err := duck.OpenConn(duck.Config{Threads: 1})
	if err != nil {
		return nil, fmt.Errorf("try another text of %s: %w", model, err)
	}
	defer done()
	l := newLoader(conn, s.Inputs)
	for _, m := range s.Models {
		if m.Name == model {
			l.model(m.File, text, m.Ours)
			continue
		}
		l.model(m.File, m.SQL, m.Ours)
	}
	for _, a := range s.Audits {
		l.auditFile(a.File, a.SQL)
	}
	return l.settle(ctx, s.Inputs)
}
