package promote

import (
	"fmt"
	"maps"
	"slices"

	"github.com/apache/iceberg-go"

	"millrace/reactor/gold"
	"millrace/reactor/lake"
)

// Behind says why a gold table does not have the rows of its model, as far as the table itself tells, and what a person can do about
// it. Both are "" if it tells nothing.
func Behind(t *lake.Table, m *gold.Model) (why, mends string) {
	if held, ok := markOf(t); ok {
		why = "the reactor cannot compute its model: " + held.failure().Error()
		if held.Model != t.Name {
			why = "the reactor cannot compute a model that it reads: " + held.failure().Error()
		}
		if held.Model == m.Name && held.Digest != m.Digest {
			return why + "; the model has changed since", "start the reactor again: it reads its models at the start"
		}
		return why, fmt.Sprintf("mend %s and start the reactor again", held.File)
	}
	switch digest, made := t.Meta.Properties()[digestProperty]; {
	case !made && t.Snapshot() == nil:
		return "no reactor has computed its model yet", "start the reactor with it: " + m.File
	case digest == "":
		return "the reactor runs without its model", "start the reactor with it: " + m.File
	case !made, digest == m.Digest, digest == heldDigest, digest == rolledBack:
		return "", ""
	}
	return "the reactor made it by another model than " + m.File + " is now, or by another of a model that it reads", "start the reactor again with the models that it shall have, or give the check the reactor's (--models)"
}

// Replaced lists the tables whose rows a branch would replace by those of another model than the one that main's tables have. A
// reactor that runs has main's models. It would compute these tables by its own again as soon as the branch is main.
func Replaced(view *lake.View, branch map[string]iceberg.Properties) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(branch)) {
		after := branch[name][digestProperty]
		if t := view.Tables[name]; t == nil || !isDigest(after) || sameModel(t, after) {
			continue
		}
		names = append(names, name)
	}
	return names
}

// sameModel tells whether a table's rows are, or may be, by the model of a digest. That of a table which is rolled back is not known,
// nor is that of one which is held because of a model that it reads.
func sameModel(t *lake.Table, digest string) bool {
	now := t.Meta.Properties()[digestProperty]
	if held, ok := markOf(t); ok {
		return held.Model != t.Name || held.Digest == digest
	}
	return now == digest || now == rolledBack || now == heldDigest
}

// isDigest tells a model's digest from what a table has in its place.
func isDigest(text string) bool { return text != "" && text != heldDigest && text != rolledBack }
