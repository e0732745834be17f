package bronze

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
)

// The folders by which a key tells of an original.
const (
	linkFolder = "link="
	copyFolder = "at="
)

// noVersion begins the version of a link's original where the bucket keeps no versions; the ETag follows.
const noVersion = "null"

// Original is the object or file that an imported object stands for. The imported object's key tells all of it, so that a listing of
// bronze does, too: in the folder after that of the day.
//
//	…/ingest_date=D/at=<ms>/<path>                            a copy, whose bytes are its own
//	…/ingest_date=D/link=<ms>-<size>-<version>/<its key>      a link: an empty object, whose bytes are the original's, in the same bucket
//
// The version is null-<etag> where the bucket keeps no versions.
type Original struct {
	StoredAt time.Time // when the original was stored, to the millisecond
	Key      string    // of a link's original; "" for a copy
	Size     int64     // of a link's original
	Version  string    // of a link's original; "null" without versions
	ETag     string    // of a link's original, where the bucket keeps no versions
}

// Link tells whether the imported object has no bytes of its own.
func (o Original) Link() bool { return o.Key != "" }

// OriginalOf reads a key. ok is false for an object that is its own original, as most are.
func OriginalOf(key string) (o Original, ok bool) {
	if !strings.Contains(key, "/"+linkFolder) && !strings.Contains(key, "/"+copyFolder) {
		return Original{}, false
	}
	k, err := ParseKey(key)
	if err != nil {
		return Original{}, false
	}
	folder, _, below := strings.Cut(k.Name, "/")
	if !below {
		return Original{}, false
	}
	if text, copied := strings.CutPrefix(folder, copyFolder); copied {
		o.StoredAt, err = milliseconds(text)
		return o, err == nil
	}
	text, linked := strings.CutPrefix(folder, linkFolder)
	parts := strings.SplitN(text, "-", 3)
	if !linked || len(parts) < 3 || parts[2] == "" {
		return Original{}, false
	}
	if o.StoredAt, err = milliseconds(parts[0]); err != nil {
		return Original{}, false
	}
	if o.Size, err = strconv.ParseInt(parts[1], 10, 64); err != nil || o.Size < 0 {
		return Original{}, false
	}
	o.Version = parts[2]
	if etag, none := strings.CutPrefix(o.Version, noVersion+"-"); none {
		o.Version, o.ETag = noVersion, etag
	}
	o.Key = key[strings.Index(key, folder)+len(folder)+1:]
	return o, true
}

func milliseconds(text string) (time.Time, error) {
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil || ms <= 0 || DayOf(time.UnixMilli(ms)).IsZero() {
		return time.Time{}, fmt.Errorf("%q is no time in milliseconds", text)
	}
	return time.UnixMilli(ms).UTC(), nil
}

// LinkKey returns the key of a link to an original in the same bucket.
func LinkKey(dataset string, day Day, o Original) string {
	version := o.Version
	if version == noVersion {
		version += "-" + o.ETag
	}
	return fmt.Sprintf("%s%s/%s%s/%s%d-%d-%s/%s", Prefix, dataset, ingestDate, day, linkFolder, o.StoredAt.UnixMilli(), o.Size, version, o.Key)
}

// CopyKey returns the key of a copy of what was stored at a time, under a path of its own.
func CopyKey(dataset string, day Day, storedAt time.Time, path string) string {
	return fmt.Sprintf("%s%s/%s%s/%s%d/%s", Prefix, dataset, ingestDate, day, copyFolder, storedAt.UnixMilli(), path)
}

// Bytes says where the bytes of an object version are: in itself, or in the original of a link. With the options the store refuses
// what has taken their place since.
func Bytes(key, version string) (at string, options minio.GetObjectOptions) {
	o, _ := OriginalOf(key)
	if !o.Link() {
		return key, minio.GetObjectOptions{VersionID: version}
	}
	options.VersionID = o.Version
	if o.ETag != "" {
		_ = options.SetMatchETag(o.ETag) // fails without an ETag only
	}
	return o.Key, options
}
