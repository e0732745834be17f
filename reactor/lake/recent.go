package lake

import (
	"math"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// recent keeps what was used last, as much as fits a total weight. It is safe for concurrent use. Age alone decides: what a commit
// wrote is read a moment later, once or twice. A cache that counts uses drops just that when commits come quickly.
type recent[V any] struct {
	limit int
	weigh func(key string, v V) int

	mu     sync.Mutex
	weight int
	values *simplelru.LRU[string, V]
}

func newRecent[V any](limit int, weigh func(string, V) int) *recent[V] {
	r := &recent[V]{limit: limit, weigh: weigh}
	forget := func(key string, v V) { r.weight -= weigh(key, v) }
	r.values, _ = simplelru.NewLRU(math.MaxInt, forget) // it fails for a size that is not positive only
	return r
}

func (r *recent[V]) get(key string) (V, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.values.Get(key)
}

// set remembers a value, unless it alone is too heavy.
func (r *recent[V]) set(key string, v V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.values.Remove(key)
	w := r.weigh(key, v)
	if w > r.limit {
		return
	}
	r.values.Add(key, v)
	for r.weight += w; r.weight > r.limit; {
		r.values.RemoveOldest()
	}
}

func (r *recent[V]) remove(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.values.Remove(key)
}
