package lake

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Whatever was used before and how often: what is there are the values used last, as many as fit.
func TestRecentKeepsWhatWasUsedLast(t *testing.T) {
	const limit = 10
	rapid.Check(t, func(t *rapid.T) {
		r := newRecent(limit, func(_ string, v int) int { return v })
		type one struct {
			key string
			v   int
		}
		var want []one // the last used one last
		weight := func() (sum int) {
			for _, o := range want {
				sum += o.v
			}
			return sum
		}
		drop := func(key string) { want = slices.DeleteFunc(want, func(o one) bool { return o.key == key }) }
		key := rapid.StringOfN(rapid.RuneFrom([]rune("abcdef")), 1, 1, -1)
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				o := one{key.Draw(t, "key"), rapid.IntRange(0, limit+1).Draw(t, "weight")}
				r.set(o.key, o.v)
				drop(o.key)
				if o.v <= limit {
					want = append(want, o)
				}
				for weight() > limit {
					want = want[1:]
				}
			},
			"get": func(t *rapid.T) {
				k := key.Draw(t, "key")
				v, ok := r.get(k)
				i := slices.IndexFunc(want, func(o one) bool { return o.key == k })
				if ok != (i >= 0) || ok && v != want[i].v {
					t.Fatalf("%s is %d, %v; want those of %v", k, v, ok, want)
				}
				if ok {
					o := want[i]
					drop(k)
					want = append(want, o)
				}
			},
			"remove": func(t *rapid.T) {
				k := key.Draw(t, "key")
				r.remove(k)
				drop(k)
			},
			"": func(t *rapid.T) {
				if r.values.Len() != len(want) || r.weight != weight() {
					t.Fatalf("%d values of weight %d, want %v", r.values.Len(), r.weight, want)
				}
			},
		})
	})
}
