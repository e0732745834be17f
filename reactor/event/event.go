// Package event is the pure part of "an object has arrived": what an arrival is, how MinIO writes it down, which
// identity it has, and what the outcome of working on it means for its delivery. It knows no network, disk or clock.
package event

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// NoVersion is the version id S3 gives objects in a bucket, or below a prefix, that keeps no versions.
const NoVersion = "null"

// Object is one version of one object, as far as an event and a bucket listing agree on it: whatever is not in both
// (sub-millisecond time, user metadata) is left out, so that an object found by listing equals the one that was announced.
type Object struct {
	Bucket  string `json:"bucket"`
	Key     string `json:"key"`
	Version string `json:"version"`
	// ModifiedAt is the object's own time in UTC, cut to the millisecond (a listing has no more).
	ModifiedAt time.Time `json:"modified_at"`
	ETag       string    `json:"etag"`
	Size       int64     `json:"size"`
	// Removed says that the version was deleted. Its ETag and size are unknown then, and ModifiedAt is when somebody noticed.
	Removed bool `json:"removed,omitempty"`
}

// ID identifies an object version for ever: the same bytes put twice are two objects, the same object announced by
// two targets, by a listing or by a replay is one.
type ID string

// ID is sha256(bucket, key, version, modified at in ms, etag) in hex; a removal has a part more.
func (o Object) ID() ID {
	h := sha256.New()
	parts := []string{o.Bucket, o.Key, o.Version, strconv.FormatInt(o.ModifiedAt.UnixMilli(), 10), o.ETag}
	if o.Removed {
		parts = append(parts, "removed")
	}
	for _, part := range parts {
		// Lengths keep ("a", "bc") and ("ab", "c") apart.
		_, _ = fmt.Fprintf(h, "%d:%s,", len(part), part) // a hash takes everything
	}
	return ID(hex.EncodeToString(h.Sum(nil)))
}

// Marshal is the body of an event in stream EV.
func (o Object) Marshal() []byte {
	b, err := json.Marshal(o)
	if err != nil { // strings, an int and a time within year 9999: cannot fail
		panic(fmt.Sprintf("marshal event %+v: %v", o, err))
	}
	return b
}

// Unmarshal is the inverse of Marshal.
func Unmarshal(b []byte) (Object, error) {
	var o Object
	if err := json.Unmarshal(b, &o); err != nil {
		return Object{}, fmt.Errorf("read event: %w", err)
	}
	if o.Bucket == "" || o.Key == "" || o.ModifiedAt.IsZero() {
		return Object{}, fmt.Errorf("read event: bucket, key and modified_at are needed, got %.200s", b)
	}
	o.ModifiedAt = o.ModifiedAt.UTC().Truncate(time.Millisecond)
	return o, nil
}

// Delivery is an object's event as it is handed to whoever works on it.
type Delivery struct {
	Object  Object
	Run     string // the replay that brought it, "" for the live event
	Attempt uint64 // 1 for the first delivery
	Trace   string // traceparent of the span that brought it, "" while nobody traces
}
