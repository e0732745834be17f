package drift

import (
	"strings"

	"millrace/reactor/silver"
)

// shortest is how long a name must be that is a part of another one to be like it: price and priceUsd, but not id and bid.
const shortest = 3

// nearest is the new name that is most like one of a field's names, "" where none is like it. A field that is gone was mostly
// renamed.
func nearest(names, fresh []string) string {
	best, least := "", 0
	for _, name := range fresh {
		for _, own := range names {
			a, b := silver.PlainName(own), silver.PlainName(name)
			n := silver.Distance(a, b)
			part := min(len(a), len(b)) >= shortest && (strings.Contains(a, b) || strings.Contains(b, a))
			if (part || n <= max(len(a), len(b))/3) && (best == "" || n < least || n == least && name < best) {
				best, least = name, n
			}
		}
	}
	return best
}
