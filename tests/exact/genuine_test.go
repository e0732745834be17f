//go:build genuine

package exact

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"millrace/tests/harness/coin"
)

// fetched is the name of a recorded history: the asset, the interval, and when.
var fetched = regexp.MustCompile(`^history_(.+)_([mhd]\d+)_(.*)\.json$`)

// Recorded responses of CoinCap, all that there are.
func TestGenuineResponsesGiveEveryCell(t *testing.T) {
	shared := os.Getenv("MILLRACE_SHARED")
	if shared == "" {
		t.Fatal("MILLRACE_SHARED is not set: it names a folder with genuine responses in data/")
	}
	files, err := filepath.Glob(filepath.Join(shared, "data", "coincap*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	deeper, err := filepath.Glob(filepath.Join(shared, "data", "coincap*", "*", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list []object
	for i, file := range append(files, deeper...) {
		name := filepath.Base(file)
		if filepath.Ext(name) != ".json" {
			continue
		}
		o := object{key: coin.AssetsKey(fmt.Sprintf("%d-%s", i, name)), file: file}
		if parts := fetched.FindStringSubmatch(name); parts != nil {
			o.key, o.meta = coin.HistoryKey(fmt.Sprintf("%d-%s", i, name)), coin.About(parts[1], parts[2])
		} else if interval := filepath.Base(filepath.Dir(file)); interval == "d1" || interval == "m15" {
			asset, hourly := strings.CutSuffix(strings.TrimSuffix(name, ".json"), "_h1")
			if hourly {
				interval = "h1"
			}
			o.key, o.meta = coin.HistoryKey(fmt.Sprintf("%d-%s", i, name)), coin.About(asset, interval)
		}
		list = append(list, o)
	}
	if len(list) < 100 {
		t.Fatalf("%d responses in %s: the recording has more", len(list), shared)
	}
	l := newLake(t)
	l.put(t, list)
	l.prove(t, t.TempDir())
}
