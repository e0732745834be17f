package health

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Part is something that the reactor needs.
type Part struct {
	Name string
	Err  error  // why it cannot be used now, nil when it can
	Note string // what is under way in a part that can be used; mostly ""
}

// Note is returned in place of an error by a part that can be used and has something to tell.
type Note string

func (n Note) Error() string { return string(n) }

// Ask asks all parts side by side and returns them by name.
func Ask(ctx context.Context, parts map[string]func(context.Context) error) []Part {
	var answers []Part
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		answers = append(answers, Part{Name: name})
	}
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() {
			err := parts[answers[i].Name](ctx)
			if note, ok := err.(Note); ok { //nolint:errorlint // a note that is wrapped into an error is a part of that
				answers[i].Note = string(note)
				return
			}
			answers[i].Err = Plain(err)
		})
	}
	wg.Wait()
	return answers
}

// health says that the process answers, and no more: a reactor without NATS is alive, and a restart would mend nothing.
func health(w http.ResponseWriter, started time.Time) {
	object(w, http.StatusOK, map[string]any{"status": "ok", "uptime_seconds": int(time.Since(started).Seconds())})
}

// readiness is 200 when every part is ready, else 503, and names each.
func readiness(w http.ResponseWriter, parts []Part) {
	type line struct {
		Name   string `json:"name"`
		Ready  bool   `json:"ready"`
		Reason string `json:"reason,omitempty"`
	}
	status, all := http.StatusOK, []line{}
	for _, p := range parts {
		l := line{Name: p.Name, Ready: p.Err == nil, Reason: p.Note}
		if p.Err != nil {
			l.Reason = p.Err.Error()
			status = http.StatusServiceUnavailable
		}
		all = append(all, l)
	}
	object(w, status, map[string]any{"ready": status == http.StatusOK, "parts": all})
}

func object(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the other side may have gone
}
