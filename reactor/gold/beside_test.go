package gold

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"millrace/reactor/duck"
	"millrace/reactor/gold/plan"
)

// computedBeside rebuilds a set's models side by side and returns the order in which they were complete.
func computedBeside(t *testing.T, s *Set, c, beside *duck.Conn, samples []sample) (made []string, err error) {
	t.Helper()
	load(t, c, samples)
	rebuild := map[string]bool{}
	for _, m := range s.Models {
		rebuild[m.Name] = true
	}
	p, err := s.Plan(plan.Change{Rebuild: rebuild, Present: allPresent(s, span(samples))})
	if err != nil {
		t.Fatal(err)
	}
	side := s.Without()
	side.Beside = beside
	err = side.Compute(context.Background(), c, p, func(m *Model) { made = append(made, m.Name) })
	return made, err
}

func TestAModelIsComputedAfterThoseThatItReads(t *testing.T) {
	s := loaded(t)
	c, beside := twoPlaces(t, s, duck.Config{})
	samples := randomSamples(rand.New(rand.NewPCG(1, 1)), 3, 40)
	for range 5 {
		made, err := computedBeside(t, s, c, beside, samples)
		if err != nil {
			t.Fatal(err)
		}
		if len(made) != len(s.Models) {
			t.Fatalf("complete are %v", made)
		}
		at := map[string]int{}
		for i, name := range made {
			at[name] = i
		}
		for _, m := range s.Models {
			for _, in := range m.Inputs {
				if _, model := at[in]; model && at[in] > at[m.Name] {
					t.Errorf("%s was complete before %s, which it reads: %v", m.Name, in, made)
				}
			}
		}
		// Afterwards the connection sees all days.
		days, err := c.Ints(t.Context(), "select count(distinct day) from gold.daily_summary union all select count(distinct day) from new_gold.daily_summary")
		if err != nil || days[0] == 0 || days[0] != days[1] {
			t.Errorf("of days are seen and computed: %v, %v", days, err)
		}
	}
}

// The model that fails is the one that is named, and what waits for it does not wait for ever.
func TestAModelThatFailsBesideOthersIsNamed(t *testing.T) {
	s := loaded(t)
	c, beside := twoPlaces(t, s, duck.Config{})
	samples := randomSamples(rand.New(rand.NewPCG(2, 1)), 2, 20)
	for _, m := range s.Models {
		broken := s.Without()
		for i, of := range broken.Models {
			if of.Name == m.Name {
				other := *of
				other.SQL = "select * replace (error('no such luck')::date as day) from " + subquery(of.SQL)
				broken.Models[i] = &other
			}
		}
		_, err := computedBeside(t, broken, c, beside, samples)
		var failure *Failure
		if !errors.As(err, &failure) || failure.Model != m.Name || !strings.Contains(failure.Reason, "no such luck") {
			t.Errorf("%s is broken: %v", m.Name, err)
		}
	}
}
