package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Live sends a part of a page to every browser that has it open, again whenever it changes. The part is made once for all of
// them, and not at all while nobody looks.
type Live struct {
	// Every is how often the part is made anew.
	Every time.Duration
	// Make makes the part's HTML. It answers an error by HTML as well: a browser that looks must see it.
	Make func(context.Context) []byte

	mu      sync.Mutex
	lookers map[chan []byte]struct{}
	last    []byte
	stop    context.CancelFunc
}

// keepAlive is how often a comment goes out where nothing changes, so that a connection that has died is noticed.
const keepAlive = 15 * time.Second

func (l *Live) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	// The server's own deadlines would end the stream.
	if err := errors.Join(control.SetWriteDeadline(time.Time{}), control.SetReadDeadline(time.Time{})); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	parts, leave := l.join()
	defer leave()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	tick := time.NewTicker(keepAlive)
	defer tick.Stop()
	for {
		var message []byte
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
			message = []byte(": still here\n\n")
		case part := <-parts:
			message = eventOf(part)
		}
		if _, err := w.Write(message); err != nil {
			return
		}
		if err := control.Flush(); err != nil {
			return
		}
	}
}

// eventOf writes HTML as an event: a line of data for each of its lines.
func eventOf(part []byte) []byte {
	var b bytes.Buffer
	for line := range bytes.Lines(part) {
		fmt.Fprintf(&b, "data: %s\n", bytes.TrimRight(line, "\r\n"))
	}
	b.WriteByte('\n')
	return b.Bytes()
}

// join adds somebody who looks. The first one starts the work, and the last one to leave ends it.
func (l *Live) join() (parts chan []byte, leave func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	parts = make(chan []byte, 1)
	if l.lookers == nil {
		l.lookers = map[chan []byte]struct{}{}
	}
	l.lookers[parts] = struct{}{}
	if len(l.lookers) == 1 {
		ctx, cancel := context.WithCancel(context.Background())
		l.last, l.stop = nil, cancel
		go l.run(ctx)
	} else if l.last != nil {
		parts <- l.last
	}
	return parts, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.lookers, parts)
		if len(l.lookers) == 0 {
			l.stop()
		}
	}
}

func (l *Live) run(ctx context.Context) {
	tick := time.NewTicker(l.Every)
	defer tick.Stop()
	for {
		if part := l.Make(ctx); ctx.Err() == nil {
			l.send(part)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// send gives a part that has changed to all who look. Whoever has not taken the one before gets this one in its place.
func (l *Live) send(part []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if bytes.Equal(part, l.last) {
		return
	}
	l.last = part
	for parts := range l.lookers {
		select {
		case <-parts:
		default:
		}
		parts <- part
	}
}
