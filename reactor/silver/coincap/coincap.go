// Package coincap declares how CoinCap's responses become silver rows: `/assets` (a price list of one moment) and
// `/assets/{slug}/history` (the prices of one asset). Both hold for API v3 and for what v2 sent until March 2025.
package coincap

import (
	"strings"

	"millrace/reactor/silver"
)

// Datasets of this source.
var Datasets = []*silver.Dataset{Assets, History}

// maxSlug is far longer than any slug (the longest known has 38 bytes); it keeps a text that is no slug out of the key.
const maxSlug = 256

// A price of 10^10 USD, a market capitalisation or a day's volume of 10^15 USD are beyond reason: one of those would
// overflow a sum in gold.
const (
	priceBelow  = 10
	amountBelow = 15
)

// Assets is `/assets`, and `/assets/{slug}`, whose data is one object.
var Assets = silver.Define(silver.Dataset{
	Name:    "coincap/assets",
	Table:   "asset_snapshots",
	Key:     []string{"asset_id", "observed_at"},
	Lone:    "id",
	Example: `{"timestamp": <epoch milliseconds>, "data": [{"id": …, "priceUsd": …}, …]}`,
	Fields: []silver.Field{
		{Column: "asset_id", From: "id", Type: silver.Text, Required: true, MaxBytes: maxSlug, Doc: "CoinCap's slug of the asset"},
		{Column: "observed_at", From: "timestamp", Type: silver.Time, Required: true, Envelope: true,
			Missing: `neither an envelope {"timestamp": …, "data": […]} nor the row itself says when this was`, Doc: "when CoinCap made the answer"},
		{Column: "rank", From: "rank", Type: silver.Integer, NonNegative: true, Doc: "place by market capitalisation among all assets, from 1"},
		{Column: "symbol", From: "symbol", Type: silver.Text, Doc: "ticker symbol; changes over time"},
		{Column: "name", From: "name", Type: silver.Text, Doc: "proper name; changes over time"},
		{Column: "supply", From: "supply", Type: silver.Amount, NonNegative: true, Doc: "circulating supply [coins]"},
		{Column: "max_supply", From: "maxSupply", Type: silver.Amount, NonNegative: true, Doc: "largest supply there can be; null when unlimited [coins]"},
		{Column: "market_cap_usd", From: "marketCapUsd", Type: silver.Amount, NonNegative: true, Below: amountBelow, Doc: "supply times price [USD]"},
		{Column: "volume_usd_24h", From: "volumeUsd24Hr", Type: silver.Amount, NonNegative: true, Below: amountBelow, Doc: "volume traded in the last 24 hours [USD]"},
		{Column: "price_usd", From: "priceUsd", Type: silver.Price, NonNegative: true, Below: priceBelow, Doc: "volume-weighted average price over exchanges [USD]"},
		{Column: "change_percent_24h", From: "changePercent24Hr", Type: silver.Amount, Doc: "change of the price in the last 24 hours [percent]"},
		{Column: "vwap_24h", From: "vwap24Hr", Type: silver.Price, NonNegative: true, Below: priceBelow, Doc: "volume-weighted average price of the last 24 hours [USD]"},
		{Column: "explorer", From: "explorer", Type: silver.Text, Doc: "address of a block explorer"},
		{Column: "tokens", From: "tokens", Type: silver.TextLists, Doc: "contract addresses by chain id"},
	},
})

// intervals of the history API.
var intervals = []string{"m1", "m5", "m15", "m30", "h1", "h2", "h6", "h12", "d1"}

// History is `/assets/{slug}/history`. A point names neither asset nor interval: the object's metadata does, else its name.
var History = silver.Define(silver.Dataset{
	Name:     "coincap/history",
	Table:    "asset_prices",
	Key:      []string{"asset_id", "interval", "observed_at"},
	Example:  `{"data": [{"priceUsd": …, "time": <epoch milliseconds>}, …]}`,
	FromName: fromName,
	Fields: []silver.Field{
		{Column: "asset_id", From: "asset_id", Type: silver.Text, Required: true, MaxBytes: maxSlug, Metadata: "asset-id", Missing: outside, Doc: "CoinCap's slug of the asset"},
		{Column: "interval", From: "interval", Type: silver.Text, Required: true, Allowed: intervals, Metadata: "interval", Missing: outside, Doc: "distance of two points: " + strings.Join(intervals, ", ")},
		{Column: "observed_at", From: "time", Also: "date", Type: silver.Time, Required: true, Doc: "time of the point"},
		{Column: "price_usd", From: "priceUsd", Type: silver.Price, Required: true, NonNegative: true, Below: priceBelow, Doc: "volume-weighted average price over exchanges [USD]"},
		{Column: "circulating_supply", From: "circulatingSupply", Type: silver.Amount, NonNegative: true, Doc: "circulating supply at that time; CoinCap leaves it out of daily points [coins]"},
	},
})

const outside = "put the object with the user metadata asset-id and interval, name it <slug>_<interval>_….<ext>, or give each row asset_id and interval"

// fromName reads <slug>_<interval>_…: the slug ends where a known interval between underscores begins, for the first
// time in the name.
func fromName(name string) map[string]string {
	parts := strings.Split(name, "_")
	for i := 1; i < len(parts); i++ {
		for _, interval := range intervals {
			if parts[i] == interval {
				return map[string]string{"asset_id": strings.Join(parts[:i], "_"), "interval": interval}
			}
		}
	}
	return nil
}
