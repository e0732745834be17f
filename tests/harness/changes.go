package harness

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// changedRow is a line of `reactor changes` of gold.daily_summary or silver.asset_snapshots.
type changedRow struct {
	Change  string
	AssetID string       `json:"asset_id"`
	Price   *json.Number `json:"price_usd"`
	Close   *json.Number
	Old     map[string]any
}

// brief is the change, the asset, its price or close and the former one.
func (c changedRow) brief() string {
	now, old := c.Price, c.Old["price_usd"]
	if now == nil {
		now, old = c.Close, c.Old["close"]
	}
	text := c.Change + " " + c.AssetID + " " + now.String()
	if old != nil {
		text += fmt.Sprint(" was ", old)
	}
	return text
}

// Changes runs `reactor changes` and returns what it says of each row's price, as "updated bitcoin 2 was 1, inserted xrp 3".
func (l *Lake) Changes(t testing.TB, args ...string) string {
	t.Helper()
	var lines []string
	for _, c := range Rows[changedRow](t, l, append([]string{"changes"}, args...)...) {
		lines = append(lines, c.brief())
	}
	return strings.Join(lines, ", ")
}
