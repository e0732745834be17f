package now

import (
	"time"

	"millrace/reactor/health"
	"millrace/reactor/reconcile"
	"millrace/reactor/upkeep"
)

// Measures are who measures upkeep.
type Measures struct {
	Steps  *upkeep.Metrics
	Passes *reconcile.Metrics
}

// Upkeep is what the reactor does beside promotion, since its start.
type Upkeep struct {
	Works []Work `json:"works"`
	// Due names the tables whose upkeep the next pause goes on with.
	Due []string `json:"due"`
	// Missed is how many objects no event had brought; the reconciler published their events.
	Missed int `json:"missed_events"`
	// Problem says why bronze could not be held against the ledger, "" when it could.
	Problem string `json:"problem,omitempty"`
}

// Work is a kind of upkeep. Last is zero when it was not done yet.
type Work struct {
	Name string    `json:"work"`
	Done int       `json:"done"`
	Last time.Time `json:"last"`
}

// upkeep tells how far upkeep is.
func (m Measures) upkeep() Upkeep {
	steps, due := m.Steps.Steps()
	passes := m.Passes.Passes()
	u := Upkeep{Due: due, Missed: passes.Missed, Works: []Work{{Name: "bronze held against the ledger", Done: passes.Count, Last: passes.Last}}}
	if passes.Problem != nil {
		u.Problem = health.Plain(passes.Problem).Error()
	}
	for _, w := range []struct {
		work upkeep.Work
		name string
	}{{upkeep.Files, "small files merged"}, {upkeep.Manifests, "manifests merged"}, {upkeep.Orphans, "orphans looked for"}} {
		u.Works = append(u.Works, Work{Name: w.name, Done: steps[w.work].Count, Last: steps[w.work].Last})
	}
	return u
}
