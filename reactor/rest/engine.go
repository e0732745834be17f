package rest

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// engine is the program that makes a request, as its User-Agent names it. The zero value is one that does not say.
type engine struct{ name, version string }

// libraries are the names in a User-Agent that tell what carries a request, and not which program makes it. Spark and Flink send the
// first one, and write their own name into their snapshots.
var libraries = []string{"Apache-HttpClient", "Go-http-client", "Java", "Java-http-client", "okhttp", "python-requests", "python-httpx", "Python-urllib", "aiohttp", "curl", "Mozilla"}

// product is the first word of a User-Agent, such as PyIceberg/0.12.0 and duckdb/v1.5.5(linux_amd64).
var product = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9._+-]{0,63})/v?([A-Za-z0-9._+-]{1,64})`)

func engineOf(r *http.Request) engine {
	found := product.FindStringSubmatch(strings.TrimSpace(r.UserAgent()))
	if found == nil || slices.Contains(libraries, found[1]) {
		return engine{}
	}
	return engine{found[1], found[2]}
}

// engineName is the property in a snapshot's summary that names who made it.
const engineName = "engine-name"

// sign names the engine in the snapshots that updates add, where it has not done so itself: PyIceberg and DuckDB leave the place empty,
// and `reactor snapshots` and `reactor check` could not say who made a row.
func (e engine) sign(updates json.RawMessage) (json.RawMessage, error) {
	if e.name == "" || len(updates) == 0 {
		return updates, nil
	}
	var all []map[string]json.RawMessage
	if err := json.Unmarshal(updates, &all); err != nil {
		return nil, err
	}
	signed := false
	for _, u := range all {
		var action string
		if err := optional(u["action"], &action); err != nil {
			return nil, err
		}
		if action != "add-snapshot" {
			continue
		}
		snapshot, err := e.signed(u["snapshot"])
		if err != nil {
			return nil, err
		}
		if snapshot != nil {
			u["snapshot"], signed = snapshot, true
		}
	}
	if !signed {
		return updates, nil
	}
	return json.Marshal(all)
}

// signed is a snapshot that names the engine; nil for one that has no summary, or a name.
func (e engine) signed(text json.RawMessage) (json.RawMessage, error) {
	var snapshot map[string]json.RawMessage
	if err := optional(text, &snapshot); err != nil {
		return nil, err
	}
	var summary map[string]string
	if err := optional(snapshot["summary"], &summary); err != nil || summary == nil || summary[engineName] != "" {
		return nil, err
	}
	summary[engineName], summary["engine-version"] = e.name, e.version
	text, err := json.Marshal(summary)
	if err != nil {
		return nil, err
	}
	snapshot["summary"] = text
	return json.Marshal(snapshot)
}
