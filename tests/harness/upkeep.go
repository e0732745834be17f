package harness

import "testing"

// Upkeep is a line of `reactor maintain`.
type Upkeep struct {
	Table                         string
	Files, Manifests, Snapshots   int
	FilesMerged                   int `json:"files_merged"`
	ManifestsMerged               int `json:"manifests_merged"`
	Expired, Orphans, OrphanBytes int
}

// Maintain runs `reactor maintain` and returns what it did, by table.
func (l *Lake) Maintain(t testing.TB, flags ...string) map[string]Upkeep {
	t.Helper()
	byTable := map[string]Upkeep{}
	for _, u := range Rows[Upkeep](t, l, append([]string{"maintain"}, flags...)...) {
		byTable[u.Table] = u
	}
	return byTable
}
