package market

import (
	"math"
	"time"
)

// The walk spans 2^15 days from 2000-01-01 (to 2089) and is resolved down to 2^-12 days, 21 seconds; in between it is a
// straight line, so that it is continuous and finer histories agree with coarser ones wherever they meet.
const (
	spanLevels = 15
	fineLevels = 12
)

var origin = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// days is the time since origin in days, a number that float64 holds to far less than a millisecond.
func days(t time.Time) float64 {
	return float64(t.Sub(origin).Milliseconds()) / float64(24*time.Hour/time.Millisecond)
}

// walk is Brownian motion with variance 1 a day at time t (in days since origin), by Lévy's construction: each level adds
// an independent displacement at the middle of each interval of the level above. Thus a value costs 28 hashes, whatever
// its time, where a sum of daily returns would need all days before it, computed or cached.
func (s stream) walk(t float64) float64 {
	const span = 1 << spanLevels
	x := math.Min(math.Max(t/span, 0), 1)
	value := float64(x * s.normal(0) * math.Sqrt(span))
	// At level l there are 2^l intervals of length span/2^l; the displacement at their middle has variance length/4.
	scale := math.Sqrt(span) / 2
	for level := range spanLevels + fineLevels {
		scaled := math.Ldexp(x, level)
		index := math.Floor(scaled)
		within := scaled - index
		hat := 1 - math.Abs(2*within-1)
		// float64() keeps the compiler from fusing multiply and add, which would change the last bit on some processors.
		value += float64(float64(hat*scale) * s.normal(uint64(1)<<level+uint64(index)))
		scale /= math.Sqrt2
	}
	return value
}
