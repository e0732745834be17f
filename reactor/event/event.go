// Package event is the pure part of an object's arrival. It defines the event and its identity, reads the messages of object stores, and
// decides what an error means for the event's delivery. It knows no network, disk or clock.
package event

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"millrace/ingestor/bronze"
)

// NoVersion is the version id that S3 gives objects in a bucket, or below a prefix, that keeps no versions.
const NoVersion = "null"

// Object is one version of an object. It has only what both an event and a bucket listing know, so without sub-millisecond time and
// user metadata: a listed object equals the announced one.
type Object struct {
	Bucket  string `json:"bucket"`
	Key     string `json:"key"`
	Version string `json:"version"`
	// ModifiedAt is the object's own time in UTC, truncated to the millisecond, because a listing has no more digits.
	ModifiedAt time.Time `json:"modified_at"`
	ETag       string    `json:"etag"`
	Size       int64     `json:"size"`
	// Removed tells that the version was deleted. ETag and Size are unknown then, and ModifiedAt is when the deletion was
	// noticed.
	Removed bool `json:"removed,omitempty"`
}

// ID identifies an object version for ever. The same bytes put twice are two objects. An object that is announced by two targets,
// by a listing and by a replay is one.
type ID string

// ID returns sha256(bucket, key, version, modified at in ms, etag) in hex. A removal has one more part.
func (o Object) ID() ID {
	h := sha256.New()
	parts := []string{o.Bucket, o.Key, o.Version, strconv.FormatInt(o.ModifiedAt.UnixMilli(), 10), o.ETag}
	if o.Removed {
		parts = append(parts, "removed")
	}
	for _, part := range parts {
		// The lengths make ("a", "bc") and ("ab", "c") differ.
		_, _ = fmt.Fprintf(h, "%d:%s,", len(part), part) // a hash never fails
	}
	return ID(hex.EncodeToString(h.Sum(nil)))
}

// AsOriginal returns an imported object with the time and the size of its original, which its key tells: so an export of last year has
// its place among the objects of last year, and a link costs what its original does. An object cannot be of a later time than it was
// stored at. Without versions a copy keeps the time of its own, because another one may take its place. Other objects stay as they are.
func (o Object) AsOriginal() Object {
	original, ok := bronze.OriginalOf(o.Key)
	if !ok || o.Removed || !original.Link() && o.Version == NoVersion {
		return o
	}
	if original.StoredAt.Before(o.ModifiedAt) {
		o.ModifiedAt = original.StoredAt
	}
	if original.Link() {
		o.Size = original.Size
	}
	return o
}

// ImportRun is the run of imported objects. They come as those of a replay do: beside live objects, and of another time.
const ImportRun = "import"

// Imported tells whether the object stands for an original.
func (o Object) Imported() bool {
	_, ok := bronze.OriginalOf(o.Key)
	return ok
}

// Marshal returns the body of an event in stream EV.
func (o Object) Marshal() []byte {
	b, err := json.Marshal(o)
	if err != nil { // cannot happen with strings, an int and a time before the year 10000
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

// Delivery is one delivery of an object's event to a promoter.
type Delivery struct {
	Object  Object
	Run     string // the replay that published it, "" for a live event
	Attempt uint64 // 1 for the first delivery
	Trace   string // traceparent of the span that published it, "" while tracing is off
}
