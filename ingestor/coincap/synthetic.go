package coincap

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"millrace/ingestor/coincap/market"
)

// synthetic is the content of a made-up market.
type synthetic struct {
	market *market.Market

	// listing is the ranking of one instant: a client that pages through /assets under a fixed clock asks for it repeatedly.
	mu      sync.Mutex
	listing *market.Listing
	at      time.Time
}

func (s *synthetic) listingAt(now time.Time) *market.Listing {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listing == nil || !s.at.Equal(now) {
		s.listing, s.at = s.market.Listing(now), now
	}
	return s.listing
}

func (s *synthetic) assets(q assetsQuery, now time.Time) ([]byte, error) {
	rows := s.listingAt(now).Rows(q.keeps, q.offset, q.limit)
	return encode(rows, now)
}

func (s *synthetic) asset(id string, now time.Time) ([]byte, error) {
	row, ok := s.listingAt(now).Asset(id)
	if !ok {
		return nil, nil
	}
	return encode(row, now)
}

func (s *synthetic) history(q historyQuery, now time.Time) ([]byte, error) {
	points, ok := s.market.History(q.id, q.interval.Step(), q.start, q.end, now)
	if !ok {
		return nil, nil
	}
	return encode(points, now)
}

func encode(data any, now time.Time) ([]byte, error) {
	body, err := json.Marshal(struct {
		Timestamp int64 `json:"timestamp"`
		Data      any   `json:"data"`
	}{now.UnixMilli(), data})
	if err != nil {
		return nil, fmt.Errorf("write the answer: %w", err)
	}
	return body, nil
}
