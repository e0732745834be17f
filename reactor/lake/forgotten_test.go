package lake_test

import (
	"context"
	"runtime"
	"testing"
	"time"
	"weak"

	"millrace/reactor/lake"
)

func leavesNothingInMemory(t *testing.T, l *lake.Lake) {
	type commit struct{ number int }
	var commits []weak.Pointer[commit]
	for i := range 5 {
		c := &commit{i}
		commits = append(commits, weak.Make(c))
		base := view(t, l).Tables[name(t, "a")]
		// Everything that belongs to a commit knows its context.
		if _, err := l.Commit(context.WithValue(t.Context(), commit{}, c), []lake.Change{change(t, base, nil, row{"x", i, 1})}, nil); err != nil {
			t.Fatal(err)
		}
	}
	view(t, l) // pgx keeps the context of a connection's last statement
	// What ran for a commit may end a moment after it.
	left := func() (numbers []int) {
		runtime.GC()
		for _, c := range commits {
			if c := c.Value(); c != nil {
				numbers = append(numbers, c.number)
			}
		}
		return numbers
	}
	for deadline := time.Now().Add(10 * time.Second); len(left()) > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("commits %v are still in memory", left())
		}
	}
}
