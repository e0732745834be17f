package plan

import "fmt"

// AllDays is the lookback of a model that reads all earlier days. No table has so many days, and arithmetic on days does not
// overflow.
const AllDays = 1 << 16

// Model describes a model to the planner: a row of day d depends on its inputs' rows of days d − Lookback to d.
type Model struct {
	Name     string
	Inputs   []string // tables: silver.* and gold.*
	Lookback int      // days
}

// Change says what has happened since gold was last computed.
type Change struct {
	// Changed has, by silver table, the days on which rows were added, removed or altered.
	Changed map[string]Days
	// Present has, by table of silver and gold, the first and last day that has rows now. A wider range is correct and
	// costs time. A table without an entry has no rows.
	Present map[string]Range
	// Rebuild has the models to compute for all days, because their SQL changed or their table is missing.
	Rebuild map[string]bool
}

// Plan says which days to read and to write, by table. Tables without days have no entry.
type Plan struct {
	// Write has, by model, the days whose rows are computed and replace the old ones.
	Write map[string]Days
	// Read has, by silver and gold table, the days whose rows are needed: the inputs of the computation, and the old rows of
	// the days written, to tell what changed.
	Read map[string]Days
}

// Empty tells whether there is nothing to do.
func (p Plan) Empty() bool { return len(p.Write) == 0 }

// Make plans a change for models in topological order: each comes after the models it reads.
func Make(models []Model, c Change) (Plan, error) {
	p := Plan{Write: map[string]Days{}, Read: map[string]Days{}}
	// dirty has the days of each table that may differ from what gold was computed from.
	dirty := map[string]Days{}
	for t, days := range c.Changed {
		dirty[t] = days
	}
	span := map[string]Range{} // by model: the days that can have rows, before or after the change
	known := map[string]bool{}
	for _, m := range models {
		if known[m.Name] {
			return Plan{}, fmt.Errorf("plan: duplicate model %s", m.Name)
		}
		known[m.Name] = true
		own, has := c.Present[m.Name]
		write := Days{}
		for _, in := range m.Inputs {
			if s, ok := span[in]; ok {
				own, has = hull(own, has, s)
			} else if s, ok := c.Present[in]; ok {
				own, has = hull(own, has, s)
			}
			write = write.Union(dirty[in].Later(m.Lookback))
		}
		if !has {
			continue // no input has rows, and the model has none to remove
		}
		span[m.Name] = own
		if c.Rebuild[m.Name] {
			write = Of(own)
		}
		// A model has rows only for days that an input has rows for (an audit checks that), so days after the newest input
		// need not be written. Without this bound a new day would write the year after it too.
		write = write.Intersect(Of(own))
		if write.Empty() {
			continue
		}
		p.Write[m.Name], dirty[m.Name] = write, write
		p.read(m.Name, write)
		for _, in := range m.Inputs {
			p.read(in, write.Earlier(m.Lookback))
		}
	}
	return p, nil
}

func (p Plan) read(table string, days Days) { p.Read[table] = p.Read[table].Union(days) }

func hull(a Range, has bool, b Range) (Range, bool) {
	if b.Len() == 0 {
		return a, has
	}
	if !has {
		return b, true
	}
	return Range{min(a.From, b.From), max(a.To, b.To)}, true
}
