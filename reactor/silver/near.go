package silver

import (
	"fmt"
	"strings"
)

// PlainName is a name without what people write differently: ID, Id and id, price_usd and priceUsd, asset-id and asset_id.
func PlainName(name string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "", ".", "").Replace(strings.ToLower(name))
}

// Distance is Levenshtein's, in bytes: how many have to be added, taken away or changed.
func Distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			changed := diagonal
			if a[i] != b[j] {
				changed++
			}
			diagonal = row[j+1]
			row[j+1] = min(changed, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// near says whether one of the names is nearly that of the field. It is empty when none is.
func (f *Field) near(names func(yield func(string) bool)) string {
	for name := range names {
		for _, own := range []string{f.From, f.Column, f.Also} {
			if own != "" && name != own && PlainName(name) == PlainName(own) {
				return fmt.Sprintf("; there is %s, and names are exact: write %s", quote([]byte(name)), own)
			}
		}
	}
	return ""
}

// extraNames are the names that no field has.
func (r *row) extraNames(yield func(string) bool) {
	for _, m := range r.extra {
		if !yield(m.name) {
			return
		}
	}
}
