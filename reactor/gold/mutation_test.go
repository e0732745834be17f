package gold

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// token is a word, a number, a text or a sign of SQL, with the space behind it.
var token = regexp.MustCompile(`(?s)('[^']*'|"[^"]*"|\w+|.)\s*`)

// Models with words taken out, doubled, exchanged or taken from other models are models or refusals. FuzzModel changes letters, and
// comes to a few changes a second, because a fuzzer counts what each of them reaches in DuckDB's caller.
func TestMutatedModelsAreModelsOrRefusals(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 5))
	texts := slices.Clone(attempts)
	for _, test := range wrongLookbacks {
		texts = append(texts, test.sql)
	}
	for _, test := range rightLookbacks {
		texts = append(texts, test.sql)
	}
	var words []string
	for _, text := range texts {
		words = append(words, token.FindAllString(text, -1)...)
	}
	n := 30
	if *sweepAll {
		n = 3000
	}
	for range n {
		attempted(t, declared("3 days")+mutated(random, texts[random.IntN(len(texts))], words)+"\n")
		if t.Failed() {
			return
		}
	}
}

// mutated changes some words of a text.
func mutated(random *rand.Rand, text string, words []string) string {
	own := token.FindAllString(text, -1)
	for range 1 + random.IntN(3) {
		if len(own) == 0 {
			break
		}
		at, other := random.IntN(len(own)), words[random.IntN(len(words))]
		switch random.IntN(4) {
		case 0:
			own = append(own[:at:at], own[at+1:]...)
		case 1:
			own = append(own[:at:at], append([]string{other}, own[at:]...)...)
		case 2:
			own[at] = other
		case 3:
			to := random.IntN(len(own))
			own[at], own[to] = own[to], own[at]
		}
	}
	return strings.Join(own, "")
}
