package plan

import "fmt"

// AllDays is the lookback of a model that reads everything before: more days than any table has, and few enough for
// arithmetic on days.
const AllDays = 1 << 16

// Model is what the planner knows of a model: a row of day d is made from its inputs' rows of the days d − Lookback to d.
type Model struct {
	Name     string
	Inputs   []string // tables: silver.* and gold.*
	Lookback int      // days
}

// Change is what happened since gold was last computed.
type Change struct {
	// Changed holds, by silver table, the days of which rows were added, removed or altered.
	Changed map[string]Days
	// Present holds, by table, the first and last day that has rows: of silver's tables now, and of gold's as they lie.
	// A wider range is correct too, and costs time. A table without an entry has no rows.
	Present map[string]Range
	// Rebuild holds the models to compute anew for all days, because their SQL changed or their table is not there.
	Rebuild map[string]bool
}

// Plan is what to read and to write, by table. Tables without days have no entry.
type Plan struct {
	// Write holds, by model, the days whose rows are computed and replace the old ones.
	Write map[string]Days
	// Read holds, by silver and gold table, the days whose rows computing needs: of the inputs, and of the models' own old
	// rows on the days they write, to tell what changed.
	Read map[string]Days
}

// Empty says whether there is nothing to do.
func (p Plan) Empty() bool { return len(p.Write) == 0 }

// Make plans a change for models in topological order: each after the models it reads.
func Make(models []Model, c Change) (Plan, error) {
	p := Plan{Write: map[string]Days{}, Read: map[string]Days{}}
	// dirty holds the days of each table that may differ from what gold was computed from.
	dirty := map[string]Days{}
	for t, days := range c.Changed {
		dirty[t] = days
	}
	span := map[string]Range{} // of each model: the days that it can have rows of, before or after
	known := map[string]bool{}
	for _, m := range models {
		if known[m.Name] {
			return Plan{}, fmt.Errorf("plan: the model %s is there twice", m.Name)
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
			continue // no row of any input, and none of its own to take away
		}
		span[m.Name] = own
		if c.Rebuild[m.Name] {
			write = Of(own)
		}
		// A model has rows only for days that an input has rows for (computing checks it), so days after the newest need
		// not be written: without this a new day would write a year ahead of itself.
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
