//go:build spark

package spark

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"millrace/ingestor/coincap/market"
	"millrace/tests/harness/coin"
)

var hours = flag.Int("hours", 48, "for which there is a snapshot of 100 coins, beside the days; 2160 make 216,000 rows")

// hourlyCoins is how many coins such a snapshot has.
const hourlyCoins = 100

// hourly makes a snapshot of 100 coins for each hour up to the middle of 2025. Some of it is as dirty as what is sent: nulls, exponents,
// more decimals than a column has, coins twice, refused rows, hours fetched again with other values.
func hourly(t *testing.T) (list []object) {
	t.Helper()
	m, err := market.New(1)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 1))
	last := coin.Day(time.July, 1).Add(-time.Hour)
	for n := range *hours {
		at := last.Add(-time.Duration(*hours-1-n) * time.Hour)
		rows := listing(t, m, at)
		for _, row := range rows {
			soil(random, row)
		}
		if random.IntN(20) == 0 { // a coin twice: the later row wins
			again := maps.Clone(rows[0])
			again["priceUsd"] = "31337.5"
			rows = append(rows, again)
		}
		list = append(list, snapshotOf(t, at, "hourly", rows))
		if random.IntN(50) == 0 { // fetched again, with other values
			for _, row := range rows {
				row["volumeUsd24Hr"] = "12345.678"
			}
			list = append(list, snapshotOf(t, at, "hourly-again", rows[:hourlyCoins/2]))
		}
	}
	return list
}

// listing is what /assets shows of the largest coins.
func listing(t *testing.T, m *market.Market, at time.Time) (rows []map[string]any) {
	t.Helper()
	text, err := json.Marshal(m.Listing(at).Rows(func(string, string) bool { return true }, 0, hourlyCoins))
	if err == nil {
		err = json.Unmarshal(text, &rows)
	}
	if err != nil || len(rows) != hourlyCoins {
		t.Fatalf("%d coins at %s: %v", len(rows), at, err)
	}
	return rows
}

// soil changes some rows to what has been seen in real ones.
func soil(random *rand.Rand, row map[string]any) {
	price := row["priceUsd"].(string)
	whole, decimals, _ := strings.Cut(price, ".")
	switch random.IntN(60) {
	case 0:
		row["marketCapUsd"] = nil
	case 1:
		row["volumeUsd24Hr"], row["vwap24Hr"] = nil, nil
	case 2: // the same number with an exponent
		row["priceUsd"] = fmt.Sprintf("%se-%d", strings.TrimLeft(whole+decimals, "0"), len(decimals))
	case 3: // more than the 28 decimals that are kept
		row["priceUsd"] = whole + "." + decimals + strings.Repeat("0", max(0, 25-len(decimals))) + "123456789"
	case 4:
		row["later"] = map[string]any{"b": 1.5}
	case 5:
		if random.IntN(5) == 0 {
			row["priceUsd"] = "-" + price // refused
		}
	}
}

func snapshotOf(t *testing.T, at time.Time, name string, rows []map[string]any) object {
	t.Helper()
	body, err := json.Marshal(map[string]any{"timestamp": at.UnixMilli(), "data": rows})
	if err != nil {
		t.Fatal(err)
	}
	key := fmt.Sprintf("bronze/coincap/assets/ingest_date=%s/%s-%s.json", at.Format(time.DateOnly), name, at.Format("15"))
	return object{Key: key, Body: body}
}
