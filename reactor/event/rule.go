package event

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Rule says what a store's messages mean: what orders them, and what they leave open. The zero value is MinIO.
type Rule string

const (
	// MinIO's sequencer is the time of the object in nanoseconds, so a message tells all of an object that a listing does. Its rules
	// filter by key: it tells of nothing that was not asked for.
	MinIO Rule = "minio"
	// AWS is S3 itself, and every store that sends S3's messages. The sequencer orders the events of one key, and is no time. The time
	// of the event is not that of the object. So when a version was stored is left open: the bucket's listing knows. EventBridge
	// and some gateways tell of every key in the bucket, so what belongs to no layer is left out.
	AWS Rule = "aws"
)

// Arrival is an object version that a message tells of.
type Arrival struct {
	Object
	// Open tells that ModifiedAt is only the time of the event: when the version was stored, the bucket's listing knows. A message
	// without a version is about the newest one.
	Open bool
	// Sequencer orders the arrivals of one key.
	Sequencer Sequencer
	// Trace is the traceparent that the client put into the object's metadata, "" without one.
	Trace string
}

// Parse reads a message and returns the object versions that came or were removed, those of one key in their order. It skips
// other records (delete markers, tags, retention, a bucket's test message), so the result may be empty. With an error it returns the
// versions of the records that it could read.
func (r Rule) Parse(body []byte) ([]Arrival, error) {
	records, err := unwrap(body, 0)
	if err != nil {
		err = fmt.Errorf("read the store's message: %w", err)
	}
	var all []Arrival
	for i, one := range records {
		a, ok, bad := r.arrival(one)
		if bad != nil {
			err = errors.Join(err, fmt.Errorf("read the store's message: record %d: %w", i, bad))
		} else if ok {
			all = append(all, a)
		}
	}
	return inOrder(all), err
}

// arrival reads a record. ok is false if no table has to do with it.
func (r Rule) arrival(one record) (a Arrival, ok bool, err error) {
	if !one.created && !one.removed || r == AWS && one.key != "" && !layered(one.key) {
		return a, false, nil
	}
	if one.err != nil {
		return a, false, one.err
	}
	if one.bucket == "" || one.key == "" {
		return a, false, errors.New("it names no bucket or no key")
	}
	a = Arrival{
		Object: Object{
			Bucket: one.bucket, Key: one.key, Version: cmp.Or(one.version, NoVersion), ETag: strings.Trim(one.etag, `"`), Size: one.size, Removed: one.removed,
		},
		Sequencer: Sequencer(one.sequencer), Trace: one.trace,
	}
	switch r {
	case MinIO, "":
		a.ModifiedAt, err = ParseSequencer(one.sequencer)
	case AWS:
		a.ModifiedAt, err = when(one.time)
		if a.Sequencer != "" && !a.Sequencer.valid() {
			err = errors.Join(err, fmt.Errorf("sequencer %q is not hexadecimal", a.Sequencer))
		}
		// Silver's metadata is written once, and gold takes the event for a hint: it needs neither version nor time.
		if a.Open = strings.HasPrefix(a.Key, "bronze/") && !a.Removed; !strings.HasPrefix(a.Key, "bronze/") {
			a.Version = NoVersion
		}
	default:
		err = fmt.Errorf("no store is called %q: minio or aws", r)
	}
	if err != nil {
		return a, false, fmt.Errorf("key %q: %w", a.Key, err)
	}
	if !a.Open { // else the listing tells its time
		a.Object = a.AsOriginal()
	}
	return a, true, nil
}

// layered tells whether a key is in a layer whose objects are announced.
func layered(key string) bool {
	return strings.HasPrefix(key, "bronze/") || strings.HasPrefix(key, "silver/") && strings.HasSuffix(key, ".metadata.json")
}

// when reads the time of an event, to the millisecond.
func when(text string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || at.UnixMilli() <= 0 {
		return time.Time{}, fmt.Errorf("the event's time %q is none, such as 2026-01-31T12:30:15.123Z", text)
	}
	return at.UTC().Truncate(time.Millisecond), nil
}

// inOrder puts the arrivals of each key into their order, at the places that they have. Queues hand out messages in any order, and a
// promoter that sees the older version first writes each row once.
func inOrder(all []Arrival) []Arrival {
	places := map[string][]int{}
	for i, a := range all {
		places[a.Bucket+"/"+a.Key] = append(places[a.Bucket+"/"+a.Key], i)
	}
	for _, at := range places {
		if len(at) < 2 {
			continue
		}
		var some []Arrival
		for _, i := range at {
			some = append(some, all[i])
		}
		slices.SortStableFunc(some, func(a, b Arrival) int { return a.Sequencer.Compare(b.Sequencer) })
		for n, i := range at {
			all[i] = some[n]
		}
	}
	return all
}

// Sequencer orders the events of one key: a hexadecimal number of any length. Those of two keys have nothing to do with each other.
type Sequencer string

// Compare compares two of one key as S3 has it: the shorter one gets zeros on its left.
func (s Sequencer) Compare(other Sequencer) int {
	a, b := s.digits(), other.digits()
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

func (s Sequencer) digits() string { return strings.ToUpper(strings.TrimLeft(string(s), "0")) }

func (s Sequencer) valid() bool {
	return !strings.ContainsFunc(string(s), func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F')
	})
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
