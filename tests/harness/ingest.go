package harness

import (
	"encoding/json"
	"strings"
	"testing"
)

// Landed is a line of what the ingestor prints.
type Landed struct {
	Items   int
	Outcome string
	Key     string
}

// Land runs the ingestor, which has to put something.
func (l *Lake) Land(t testing.TB, env []string, args ...string) []Landed {
	t.Helper()
	r := l.RunEnv(t, env, "ingestor", append(args, "--output", "json")...)
	var list []Landed
	if err := json.Unmarshal([]byte(r.Stdout), &list); err != nil || r.Code != 0 || len(list) == 0 {
		t.Fatalf("ingestor %s: %v, %s", strings.Join(args, " "), err, r)
	}
	return list
}

// Ingest runs the ingestor and waits until what it put is in gold.
func (l *Lake) Ingest(t testing.TB, args ...string) []Landed {
	t.Helper()
	list := l.Land(t, nil, args...)
	var keys []string
	for _, one := range list {
		keys = append(keys, one.Key)
	}
	l.Wait(t, keys...)
	return list
}
