package coincap

import (
	"bytes"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// assets answers with one recorded list. Lists were recorded with different limits: it takes the newest one that has as many
// rows as are asked for, or else the longest. A whole list is sent as it was received, a part of one with its rows unchanged.
func (r *recordings) assets(q assetsQuery, _ time.Time) ([]byte, error) {
	var best *recording
	wanted := q.offset + q.limit
	for _, list := range r.lists { // oldest first
		if best == nil || len(list.rows) >= wanted || len(list.rows) >= len(best.rows) && len(best.rows) < wanted {
			best = list
		}
	}
	if best == nil {
		return nil, nil
	}
	var rows []jsontext.Value
	skip := q.offset
	for i, raw := range best.rows {
		switch {
		case !q.keeps(best.ids[i], symbolOf(raw)):
		case skip > 0:
			skip--
		case len(rows) < q.limit:
			rows = append(rows, raw)
		}
	}
	if len(rows) == len(best.rows) {
		return best.body, nil
	}
	return compose(rows, best.timestamp), nil
}

func symbolOf(raw jsontext.Value) string {
	var row struct {
		Symbol string `json:"symbol"`
	}
	// A row without a symbol cannot be found by one.
	_ = json.Unmarshal(raw, &row)
	return row.Symbol
}

// asset answers with the newest answer recorded for the asset, or else with its row of the newest list.
func (r *recordings) asset(id string, _ time.Time) ([]byte, error) {
	if file := r.single[id]; file != nil {
		return file.body, nil
	}
	for _, list := range slices.Backward(r.lists) {
		if i := slices.Index(list.ids, id); i >= 0 {
			return envelop(list.rows[i], list.timestamp), nil
		}
	}
	return nil, nil
}

// history answers with the recorded points of the time that is asked for, each with its text as it was received. If those are
// just the points of one recording, the answer is that recording as a whole. Of two points of one time the newer recording's
// counts.
func (r *recordings) history(q historyQuery, _ time.Time) ([]byte, error) {
	files := r.histories[series{q.id, q.interval}]
	if len(files) == 0 {
		files = r.histories[series{id: q.id}]
	}
	if len(files) == 0 {
		return nil, nil
	}
	type origin struct {
		file  *recording
		index int
	}
	points := map[int64]origin{}
	for _, file := range files { // oldest first
		for _, i := range file.between(q.start, q.end) {
			points[file.times[i]] = origin{file, i}
		}
	}
	times := make([]int64, 0, len(points))
	used := map[*recording]int{}
	timestamp := int64(0)
	for ms, from := range points {
		times = append(times, ms)
		used[from.file]++
		timestamp = max(timestamp, from.file.timestamp)
	}
	if len(points) == 0 {
		last := files[len(files)-1]
		used[last], timestamp = 0, last.timestamp
	}
	for file, n := range used {
		if n == len(points) && n == len(file.rows) {
			return file.body, nil
		}
	}
	slices.Sort(times)
	rows := make([]jsontext.Value, len(times))
	for i, ms := range times {
		rows[i] = points[ms].file.rows[points[ms].index]
	}
	return compose(rows, timestamp), nil
}

// compose puts rows into an envelope of our own, without touching a byte of them.
func compose(rows []jsontext.Value, timestamp int64) []byte {
	var list bytes.Buffer
	list.WriteByte('[')
	for i, raw := range rows {
		if i > 0 {
			list.WriteByte(',')
		}
		list.Write(raw)
	}
	list.WriteByte(']')
	return envelop(list.Bytes(), timestamp)
}

// envelop leaves the timestamp out when the recording had none: silver must not take ours for CoinCap's.
func envelop(data []byte, timestamp int64) []byte {
	body := append([]byte(`{"data":`), data...)
	if timestamp != 0 {
		body = append(append(body, `,"timestamp":`...), strconv.FormatInt(timestamp, 10)...)
	}
	return append(body, '}')
}
