package main

import (
	"time"

	"millrace/ingestor/coincap"
)

// What CoinCap charges: a credit for a call, and one for each 2,500 bytes that were begun (its documentation; the free plan
// has 4,000 credits a month). Sizes are those of recorded responses, rounded up.
const (
	creditBytes      = 2500
	assetBytes       = 800 // of a row of /assets, with its token addresses
	dailyPointBytes  = 130
	supplyPointBytes = 190 // intervals below a day also carry the supply
)

var costHeaders = []string{"from", "to", "interval", "assets", "calls", "credits"}

// cost is a row for each piece of time: what fetching it from all assets would cost, at most. Nothing is asked for it; how
// many assets there will be is --top where none are named, and finding those is a part of the first piece.
func (c historyCommand) cost(assets []string, pieces []coincap.Piece, interval coincap.Interval) [][]any {
	n, calls, credits := len(assets), 0, 0
	if n == 0 {
		n = c.Top
		calls, credits = coincap.Pages(n), coincap.Pages(n)+bytesCredits(n*assetBytes)
	}
	pointBytes := supplyPointBytes
	if interval == coincap.D1 {
		pointBytes = dailyPointBytes
	}
	var rows [][]any
	for _, p := range pieces {
		points := int((p.To.Start().Sub(p.From.Start()) + 24*time.Hour) / interval.Step())
		calls += n
		credits += n * (1 + bytesCredits(points*pointBytes))
		rows = append(rows, []any{p.From.String(), p.To.String(), string(interval), n, calls, credits})
		calls, credits = 0, 0
	}
	return rows
}

func bytesCredits(bytes int) int { return (bytes + creditBytes - 1) / creditBytes }
