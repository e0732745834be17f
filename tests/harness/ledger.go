package harness

import (
	"context"
	"fmt"
	"testing"

	"millrace/tests/harness/catalog"
)

// Catalog is the file of the SQLite catalog.
func (l *Lake) Catalog() string { return l.catalog }

// ask asks the catalog one question, which has to be answered.
func ask[T any](t testing.TB, l *Lake, question func(*catalog.Catalog, context.Context) (T, error)) T {
	t.Helper()
	answer, err := catalog.Look(t.Context(), l.catalog, question)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// Ledger reads the whole ledger.
func (l *Lake) Ledger(t testing.TB) []catalog.Entry {
	t.Helper()
	return ask(t, l, (*catalog.Catalog).Ledger)
}

// Pointers are where the metadata of each table lies, and the number of gold's last step: what they are after a command
// that changes nothing.
func (l *Lake) Pointers(t testing.TB) map[string]string {
	t.Helper()
	all := ask(t, l, (*catalog.Catalog).Pointers)
	all["gold's step"] = fmt.Sprint(ask(t, l, (*catalog.Catalog).Step))
	return all
}

// DeadLetter is a line of `reactor dlq list`.
type DeadLetter struct {
	ID       int
	FirstAt  string `json:"first_at"`
	At       string
	Consumer string
	Key      *string
	Attempts int
	Reason   string
}

// DeadLetters lists those that are there.
func (l *Lake) DeadLetters(t testing.TB) []DeadLetter {
	t.Helper()
	return Rows[DeadLetter](t, l, "dlq", "list")
}

// AwaitDeadLetters waits until there are so many.
func (l *Lake) AwaitDeadLetters(t testing.TB, n int) {
	t.Helper()
	Eventually(t, fmt.Sprintf("there are %d dead letters", n), func() bool { return len(l.DeadLetters(t)) == n })
}

// AwaitLedger waits until the ledger has so many entries.
func (l *Lake) AwaitLedger(t testing.TB, n int) {
	t.Helper()
	Eventually(t, fmt.Sprintf("the ledger has %d entries", n), func() bool { return len(l.Ledger(t)) == n })
}
