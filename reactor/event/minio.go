package event

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// notification is the part of MinIO's bucket notification that we read (AWS S3 event structure 2.0).
type notification struct {
	Records []struct {
		EventName string
		S3        struct {
			Bucket struct{ Name string }
			Object struct {
				Key       string
				Size      int64
				ETag      string
				VersionID string
				Sequencer string
				// UserMetadata has the put's headers X-Amz-Meta-….
				UserMetadata map[string]string
			}
		}
	}
}

// ParseMinIO reads one of MinIO's messages and returns the object versions that came or were removed. It skips other records
// (delete markers, tagging, retention), so the result may be empty.
func ParseMinIO(body []byte) ([]Object, error) {
	var n notification
	if err := json.Unmarshal(body, &n); err != nil {
		return nil, fmt.Errorf("read MinIO notification: %w", err)
	}
	if len(n.Records) == 0 {
		return nil, fmt.Errorf("read MinIO notification: no records in %.200q", body)
	}
	var objects []Object
	for i, r := range n.Records {
		if !counts(r.EventName) {
			continue
		}
		// MinIO escapes keys as a query does: '+' is a space, %2B a plus. PathUnescape would leave the '+'.
		key, err := url.QueryUnescape(r.S3.Object.Key)
		if err != nil {
			return nil, fmt.Errorf("read MinIO notification: record %d: key: %w", i, err)
		}
		modified, err := ParseSequencer(r.S3.Object.Sequencer)
		if err != nil {
			return nil, fmt.Errorf("read MinIO notification: record %d: key %q: %w", i, key, err)
		}
		if r.S3.Bucket.Name == "" || key == "" {
			return nil, fmt.Errorf("read MinIO notification: record %d names no bucket or no key", i)
		}
		version := r.S3.Object.VersionID
		if version == "" {
			version = NoVersion
		}
		objects = append(objects, Object{
			Bucket: r.S3.Bucket.Name, Key: key, Version: version, ModifiedAt: modified,
			ETag: r.S3.Object.ETag, Size: r.S3.Object.Size, Removed: removed(r.EventName),
		})
	}
	return objects, nil
}

// TraceParents returns the traceparents that clients put into the metadata of a message's objects, in the order of ParseMinIO's
// result; "" for objects without one.
func TraceParents(body []byte) []string {
	var n notification
	if json.Unmarshal(body, &n) != nil {
		return nil
	}
	var parents []string
	for _, r := range n.Records {
		if !counts(r.EventName) {
			continue
		}
		parent := ""
		for name, value := range r.S3.Object.UserMetadata {
			if strings.EqualFold(name, "X-Amz-Meta-Traceparent") {
				parent = value
			}
		}
		parents = append(parents, parent)
	}
	return parents
}

// counts tells whether a record changes what the tables show.
func counts(name string) bool { return created(name) || removed(name) }

// removed tells whether a record says that a version is gone. A delete marker has another event name: it hides an object from readers
// and removes no version.
func removed(name string) bool { return name == "s3:ObjectRemoved:Delete" }

// created tells whether a record announces new bytes. "s3:ObjectCreated:*" also covers PutTagging, PutRetention and PutLegalHold,
// which change nothing that a table shows.
func created(name string) bool {
	switch strings.TrimPrefix(name, "s3:ObjectCreated:") {
	case "Put", "Post", "Copy", "CompleteMultipartUpload":
		return true
	}
	return false
}

// ParseSequencer reads MinIO's sequencer: the object's modification time in hexadecimal nanoseconds. It truncates it to the
// millisecond, because a listing of the bucket has no more digits.
func ParseSequencer(s string) (time.Time, error) {
	ns, err := strconv.ParseInt(s, 16, 64)
	if err != nil || ns <= 0 {
		return time.Time{}, fmt.Errorf("sequencer %q is not a time in hexadecimal nanoseconds", s)
	}
	return time.Unix(0, ns).UTC().Truncate(time.Millisecond), nil
}
