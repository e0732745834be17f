package promote

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/apache/iceberg-go"

	"millrace/reactor/gold"
	"millrace/reactor/lake"
)

// Mend computes all days of some tables of gold anew, in one step, and writes the days that differ. The models are not held to
// their lookbacks: a table whose model names too few days gets the rows that all days give, and the next step of a reactor says what
// is wrong with the model.
func (g *Gold) Mend(ctx context.Context, tables []string, summary iceberg.Properties) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.mending = &mending{tables: tables, summary: summary, unverified: map[string]bool{}}
	defer func() { g.mending = nil }()
	var failed failures
	err := g.waits.Do(ctx, func() (err error) {
		failed, err = g.step(ctx, true)
		return err
	})
	computed := g.set.Without(failed.names()...)
	if err == nil && slices.ContainsFunc(tables, func(name string) bool { _, ok := computed.Model(name); return !ok }) {
		err = errors.New(failed.String())
	}
	if err != nil {
		return fmt.Errorf("mend gold: %w", err)
	}
	return nil
}

// mending is what a step does beside its usual work.
type mending struct {
	tables     []string
	summary    iceberg.Properties
	unverified map[string]bool // models that failed to be verified in this step
}

// passes tells whether a model that could not be verified is computed all the same.
func (m *mending) passes(f *gold.Failure) bool {
	if m == nil || !slices.Contains(m.tables, f.Model) || !f.Unverified || m.unverified[f.Model] {
		return false
	}
	m.unverified[f.Model] = true
	return true
}

// unverifiable tells whether a model failed to be verified in this step.
func (m *mending) unverifiable(model string) bool { return m != nil && m.unverified[model] }

// summarize adds to the summary of a step's snapshots who made them.
func (m *mending) summarize(s iceberg.Properties) iceberg.Properties {
	if m != nil {
		maps.Copy(s, m.summary)
	}
	return s
}

// rebuild returns the models that a step computes whole.
func (g *Gold) rebuild(view *lake.View, set *gold.Set) map[string]bool {
	whole := outdated(view, set)
	for _, m := range set.Models {
		if g.mending != nil && slices.Contains(g.mending.tables, m.Name) {
			whole[m.Name] = true
		}
	}
	return whole
}
