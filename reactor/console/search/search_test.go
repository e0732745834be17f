package search

import (
	"testing"
)

func TestANameIsFoundBeforeItsMeaning(t *testing.T) {
	const doc = "average close of the 30 days up to this one; null unless all 30 are there [USD]"
	for _, c := range []struct {
		text, name, about string
		want              int
	}{
		{"SMA_30", "sma_30", doc, exact}, {"sma", "sma_30", doc, begins}, {"30", "sma_30", doc, word}, {"ma_3", "sma_30", doc, part}, {"average close", "sma_30", doc, meaning},
		{"sma average", "sma_30", doc, meaning}, {"sma nothing", "sma_30", doc, none}, {"nothing", "sma_30", doc, none}, {"", "sma_30", doc, begins},
		{"rankings", "gold.rankings", "", word}, {"ankings", "gold.rankings", "", part},
	} {
		if got := rankOf(c.text, c.name, c.about); got != c.want {
			t.Errorf("%q finds %q with the rank %d, want %d", c.text, c.name, got, c.want)
		}
	}
}

func TestTheBestOfEachKindAreKept(t *testing.T) {
	hits := []Hit{{Kind: "asset", Name: "left out", rank: none}}
	for range 20 {
		hits = append(hits, Hit{Kind: "asset", Name: "far", rank: meaning}, Hit{Kind: "table", Name: "near", rank: begins})
	}
	hits = append(hits, Hit{Kind: "asset", Name: "itself", rank: exact})
	kept := best(hits)
	counts := map[string]int{}
	for _, h := range kept {
		counts[h.Kind]++
		if h.rank == none {
			t.Errorf("%v is kept", h)
		}
	}
	if kept[0].Name != "itself" || counts["asset"] != mostOfAKind || counts["table"] != mostOfAKind {
		t.Errorf("kept %v, first %v", counts, kept[0])
	}
}
