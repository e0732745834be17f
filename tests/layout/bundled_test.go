package layout

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// spdx are names of licences that packages use, by the name of the SPDX list.
var spdx = map[string]string{"BSD-0-Clause": "0BSD"}

// bundled lists the scripts in the console's bundles: all that the lock has, but for what only builds and tests them. The console's test
// builds the bundles from that lock and compares them with those that are committed.
func bundled(t *testing.T) (parts []component) {
	t.Helper()
	text, err := os.ReadFile("../../reactor/console/web/bundle/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	var lock struct {
		Packages map[string]struct {
			Version, License string
			Dev              bool
		}
	}
	if err := json.Unmarshal(text, &lock); err != nil {
		t.Fatalf("read the lock of the console's scripts: %v", err)
	}
	for path, p := range lock.Packages {
		name, is := strings.CutPrefix(path, "node_modules/")
		if !is || p.Dev {
			continue
		}
		licence := p.License
		if known, ok := spdx[licence]; ok {
			licence = known
		}
		if !slices.Contains(linkable, licence) {
			t.Errorf("%s, in the console's scripts: Apache-2.0 software may not link %q", name, p.License)
		}
		parts = append(parts, component{name, p.Version + ", in the console", []string{licence}})
	}
	for _, needed := range []string{"htmx.org", "uplot", "codemirror"} {
		if !slices.ContainsFunc(parts, func(c component) bool { return c.name == needed }) {
			t.Errorf("the lock of the console's scripts lacks %s", needed)
		}
	}
	slices.SortFunc(parts, func(a, b component) int { return strings.Compare(a.name, b.name) })
	return parts
}
