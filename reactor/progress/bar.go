// Package progress is how work that takes a while is followed: a bar for whoever watches it, and waiting, with the ledger as
// the witness, until objects, replays and gold are where they are going.
package progress

// Bar shows how far a piece of work has come.
type Bar interface {
	// Add says that n more parts are done.
	Add(n int)
	// Done ends the bar; further calls do nothing.
	Done()
}

// Show begins a bar for work of total parts, -1 where nobody knows how many.
type Show func(total int, work string) Bar

// Silent shows no bar, for work that nobody watches.
func Silent(int, string) Bar { return noBar{} }

type noBar struct{}

func (noBar) Add(int) {}
func (noBar) Done()   {}
