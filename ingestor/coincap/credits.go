package coincap

import "time"

// What CoinCap charges: a credit for a call, and one for each 2,500 bytes that were begun (its documentation; the free plan
// has 4,000 credits a month). Sizes are those of recorded responses, rounded up.
const (
	creditBytes      = 2500
	assetBytes       = 800 // of a row of /assets, with its token addresses
	dailyPointBytes  = 130
	supplyPointBytes = 190 // intervals below a day also carry the supply
)

// Credits is what a call has cost whose answer has that many bytes.
func Credits(bytes int) int { return 1 + (bytes+creditBytes-1)/creditBytes }

// TopCost is how many calls it takes to list the first n assets, and at most about how many credits.
func TopCost(n int) (calls, credits int) {
	for _, p := range paging(n) {
		calls++
		credits += Credits(p.limit * assetBytes)
	}
	return calls, credits
}

// HistoryCredits is at most about what the history of one asset costs.
func HistoryCredits(interval Interval, p Piece) int {
	pointBytes := supplyPointBytes
	if interval == D1 {
		pointBytes = dailyPointBytes
	}
	points := int((p.To.Start().Sub(p.From.Start()) + 24*time.Hour) / interval.Step())
	return Credits(points * pointBytes)
}
