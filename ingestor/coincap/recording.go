package coincap

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// recording is one recorded response, by its kind: a list of assets, one asset, or a history.
type recording struct {
	path      string
	body      []byte
	timestamp int64            // the envelope's; 0 when it has none
	rows      []jsontext.Value // of a list, or the points of a history; the one row of an asset
	ids       []string         // of rows that are assets
	times     []int64          // of rows that are points
}

// newer orders recordings of one thing: the later answer is newer, and of two that are equally late the one with the later path.
func newer(a, b *recording) int {
	return cmp.Or(cmp.Compare(a.timestamp, b.timestamp), cmp.Compare(a.path, b.path))
}

// recordings are the genuine responses found in a folder, and what a simulator can serve.
type recordings struct {
	lists     []*recording
	single    map[string]*recording // newest by slug
	histories map[series][]*recording
}

// series names a history. An interval of "" holds the answers without points whose interval nobody wrote down.
type series struct {
	id       string
	interval Interval
}

// readRecordings reads every .json file below dir and finds out by its content what it is. A history does not say its slug and
// interval; its path does: <slug>_<interval>…, history_<slug>_<interval>…, or <interval>/<slug>.json. It passes over files that
// are no answers of these kinds: such folders hold notes and error bodies as well.
func readRecordings(dir string) (*recordings, error) {
	r := &recordings{single: map[string]*recording{}, histories: map[series][]*recording{}}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		r.add(path, body)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read recorded responses: %w", err)
	}
	if len(r.lists)+len(r.single)+len(r.histories) == 0 {
		return nil, errors.New("read recorded responses: there are none in " + dir + ": its .json files must be whole answers of the API")
	}
	slices.SortFunc(r.lists, newer)
	for _, files := range r.histories {
		slices.SortFunc(files, newer)
	}
	return r, nil
}

func (r *recordings) add(path string, body []byte) {
	var envelope struct {
		Data      jsontext.Value `json:"data"`
		Timestamp int64          `json:"timestamp"`
	}
	if json.Unmarshal(body, &envelope) != nil {
		return
	}
	file := &recording{path: path, body: body, timestamp: envelope.Timestamp}
	type row struct {
		ID       string `json:"id"`
		PriceUsd string `json:"priceUsd"`
		Time     int64  `json:"time"`
	}
	if envelope.Data.Kind() == '{' {
		var one row
		if json.Unmarshal(envelope.Data, &one) != nil || one.ID == "" || one.PriceUsd == "" {
			return
		}
		file.rows = []jsontext.Value{envelope.Data}
		if known := r.single[one.ID]; known == nil || newer(known, file) < 0 {
			r.single[one.ID] = file
		}
		return
	}
	if json.Unmarshal(envelope.Data, &file.rows) != nil {
		return
	}
	for _, raw := range file.rows {
		var one row
		switch err := json.Unmarshal(raw, &one); {
		case err != nil || one.PriceUsd == "":
			return
		case one.ID != "":
			file.ids = append(file.ids, one.ID)
		case one.Time != 0:
			file.times = append(file.times, one.Time)
		}
	}
	switch len(file.rows) {
	case len(file.times): // also a list without rows, which only a history answers
		name := seriesOf(path, file.times)
		if name.id != "" && (name.interval != "" || len(file.rows) == 0) {
			r.histories[name] = append(r.histories[name], file)
		}
	case len(file.ids):
		r.lists = append(r.lists, file)
	}
}

// seriesOf reads slug and interval from a path. If that has no interval, it is the distance of the two nearest points.
func seriesOf(path string, times []int64) series {
	name := strings.TrimSuffix(filepath.Base(path), ".json")
	parts := strings.Split(strings.TrimPrefix(name, "history_"), "_")
	s := series{id: parts[0]}
	candidates := append(parts[1:min(2, len(parts)):min(2, len(parts))], filepath.Base(filepath.Dir(path)))
	for _, candidate := range candidates {
		if interval, err := ParseInterval(candidate); err == nil {
			s.interval = interval
			return s
		}
	}
	nearest := int64(0)
	sorted := slices.Sorted(slices.Values(times))
	for i := 1; i < len(sorted); i++ {
		if gap := sorted[i] - sorted[i-1]; gap > 0 && (nearest == 0 || gap < nearest) {
			nearest = gap
		}
	}
	for _, known := range intervals {
		if nearest == known.step.Milliseconds() {
			s.interval = known.name
		}
	}
	return s
}

// between returns the positions of a history's points from start to end, both inclusive.
func (f *recording) between(start, end time.Time) []int {
	var inside []int
	for i, ms := range f.times {
		if ms >= start.UnixMilli() && ms <= end.UnixMilli() {
			inside = append(inside, i)
		}
	}
	return inside
}
