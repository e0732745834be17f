package web

import lru "github.com/hashicorp/golang-lru/v2"

// Memo keeps what pages worked out, by all that it was worked out from, such as the metadata of a table: as long as that is the same, so is
// the answer. It is safe for concurrent use.
type Memo[V any] struct{ kept *lru.Cache[string, V] }

// NewMemo keeps the n answers that were asked for last.
func NewMemo[V any](n int) *Memo[V] {
	kept, err := lru.New[string, V](n)
	if err != nil {
		panic(err) // n is a constant above zero
	}
	return &Memo[V]{kept}
}

// Of returns the answer for a key; work makes it if it is not kept. An error is not kept.
func (m *Memo[V]) Of(key string, work func() (V, error)) (V, error) {
	if v, ok := m.kept.Get(key); ok {
		return v, nil
	}
	v, err := work()
	if err == nil {
		m.kept.Add(key, v)
	}
	return v, err
}
