package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"millrace/tests/harness/coin"
)

// Models is a folder of a user's own models, whose files a test writes anew.
type Models struct{ Dir string }

// NewModels makes an empty one.
func NewModels(t testing.TB) Models {
	t.Helper()
	m := Models{t.TempDir()}
	if err := os.Mkdir(filepath.Join(m.Dir, "audits"), 0o755); err != nil {
		t.Fatal(err)
	}
	return m
}

// Write writes a model, or below audits/ an audit.
func (m Models) Write(t testing.TB, file, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(m.Dir, file), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Remove removes files.
func (m Models) Remove(t testing.TB, files ...string) {
	t.Helper()
	for _, f := range files {
		if err := os.Remove(filepath.Join(m.Dir, f)); err != nil {
			t.Fatal(err)
		}
	}
}

// Env is what tells a program of the folder.
func (m Models) Env() string { return "MILLRACE_MODELS=" + m.Dir }

// SpreadHeader begins the model gold.spread.
const SpreadHeader = "-- model: gold.spread\n-- grain: asset_id, day\n-- lookback: 0 days\n"

// PutRanges puts three prices a day of two assets on three days, so that spreads are 2 and 20 times the day of the month.
func (l *Lake) PutRanges(t testing.TB) {
	t.Helper()
	var keys []string
	for d := 1; d <= 3; d++ {
		for h, add := range []int{0, 2, 1} {
			at := coin.Day(time.June, d).Add(time.Duration(h) * time.Hour)
			key := coin.AssetsKey(fmt.Sprintf("%d-%d.json", d, h))
			l.Put(t, key, coin.Assets(at, coin.Asset("bitcoin", fmt.Sprint(100+10*add*d), "20"), coin.Asset("tether", fmt.Sprint(100+add*d), "10")), nil)
			keys = append(keys, key)
		}
	}
	l.Wait(t, keys...)
}
