package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// start is (g): what a newcomer waits for.
var start = scenario{
	letter: "g", about: "`stack up` in an empty home until gold is on the screen",
	figures: []string{"up"},
	run: func(ctx context.Context, b *bench) (err error) {
		var took []float64
		for range b.size(3, 1) {
			seconds, err := b.up(ctx)
			if err != nil {
				return err
			}
			took = append(took, seconds)
		}
		b.add(median("up", "`up` (built) to first gold", "s", took, most(10)...))
		return nil
	},
}

func (b *bench) up(ctx context.Context) (seconds float64, err error) {
	l := &lakehouse{bench: b, pids: map[string]int{}}
	defer func() { err = errors.Join(err, l.close()) }()
	started := time.Now()
	err = l.start(ctx, []string{"up"}, func() error {
		text, err := os.ReadFile(l.log("stack"))
		switch {
		case err != nil:
			return err
		case strings.Contains(string(text), "the first ingest failed"):
			return fmt.Errorf("the first ingest failed:\n%s", text)
		case !strings.Contains(string(text), "millrace runs"):
			return errors.New("the stack has shown no banner")
		case !strings.Contains(string(text), "dominance_pct"):
			return errors.New("the stack has shown no gold")
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	seconds = time.Since(started).Seconds()
	if err := l.connect(ctx, true); err != nil {
		return 0, err
	}
	return seconds, l.verify(ctx, map[string]int{
		"select count(*) from gold.rankings where day = (select max(day) from gold.rankings)": 20,
		"select count(distinct day) from gold.daily_summary":                                  401,
	})
}
