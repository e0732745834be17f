// Package bronze owns the form of the keys under bronze/, and the one way in which the ingestor writes there: each object once,
// checked, with its fetch described in its metadata. The reactor reads keys with this package. It takes more forms than the
// ingestor writes, because any S3 client may put objects there.
package bronze

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Prefix begins every bronze key.
const Prefix = "bronze/"

const ingestDate = "ingest_date="

// Extensions that a bronze object can have; they say how it is to be read.
const (
	JSON       = "json"
	JSONGzip   = "json.gz"
	NDJSON     = "ndjson"
	NDJSONGzip = "ndjson.gz"
	Parquet    = "parquet"
)

var extensions = []string{JSON, JSONGzip, NDJSON, NDJSONGzip, Parquet}

// Key names one bronze object: bronze/<source>/<dataset>/ingest_date=YYYY-MM-DD/<name>.<ext>.
type Key struct {
	Source     string
	Dataset    string
	IngestDate Day    // zero when the folder after the dataset is no ingest_date
	Name       string // may hold further folders
	Ext        string
}

// Place is where a source's answers go below bronze/: all of a key but the day and what follows from the bytes.
type Place struct {
	Source  string
	Dataset string
	Stem    string // how the file's name begins
	Ext     string
}

// Key returns the key of a body that is ingested for a day. Its name ends in the first 12 hex digits of the body's SHA-256:
// the same bytes are the same object however often they are fetched, and other bytes never meet a key that is taken.
func (p Place) Key(day Day, body []byte) Key {
	sum := sha256.Sum256(body)
	return Key{Source: p.Source, Dataset: p.Dataset, IngestDate: day, Name: p.Stem + "_" + hex.EncodeToString(sum[:6]), Ext: p.Ext}
}

// ParseKey reads a key. Only source, dataset and extension have to be there; deeper folders and a missing ingest_date are
// allowed, and become part of the name. String of the result is the same text again.
func ParseKey(key string) (Key, error) {
	rest, ok := strings.CutPrefix(key, Prefix)
	if !ok {
		return Key{}, fmt.Errorf("the key %q does not begin with %s", key, Prefix)
	}
	parts := strings.SplitN(rest, "/", 3)
	if len(parts) < 3 || parts[0] == "" || parts[1] == "" {
		return Key{}, fmt.Errorf("the key %q is not bronze/<source>/<dataset>/…/<name>.<ext>", key)
	}
	k := Key{Source: parts[0], Dataset: parts[1]}
	path := parts[2]
	if folder, below, ok := strings.Cut(path, "/"); ok {
		if text, ok := strings.CutPrefix(folder, ingestDate); ok {
			if day, err := ParseDay(text); err == nil {
				k.IngestDate, path = day, below
			}
		}
	}
	for _, ext := range extensions {
		if name, ok := strings.CutSuffix(path, "."+ext); ok {
			k.Name, k.Ext = name, ext
			break
		}
	}
	if k.Ext == "" {
		return Key{}, fmt.Errorf("the key %q has none of the extensions %s", key, strings.Join(extensions, ", "))
	}
	if k.Name == "" || strings.HasSuffix(k.Name, "/") {
		return Key{}, fmt.Errorf("the key %q has no file name before .%s", key, k.Ext)
	}
	return k, nil
}

// String returns the key's text.
func (k Key) String() string {
	var b strings.Builder
	b.WriteString(Prefix)
	b.WriteString(k.Source)
	b.WriteByte('/')
	b.WriteString(k.Dataset)
	b.WriteByte('/')
	if !k.IngestDate.IsZero() {
		b.WriteString(ingestDate)
		b.WriteString(k.IngestDate.String())
		b.WriteByte('/')
	}
	b.WriteString(k.Name)
	b.WriteByte('.')
	b.WriteString(k.Ext)
	return b.String()
}

var (
	segment = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)
	name    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
)

// Validate returns an error unless the key has the strict form that the ingestor writes. It needs no escaping in a URL, an
// event or a shell.
func (k Key) Validate() error {
	switch {
	case !segment.MatchString(k.Source):
		return fmt.Errorf("bronze key: the source %q is not made of a-z, 0-9, _ and -", k.Source)
	case !segment.MatchString(k.Dataset):
		return fmt.Errorf("bronze key: the dataset %q is not made of a-z, 0-9, _ and -", k.Dataset)
	case k.IngestDate.IsZero():
		return fmt.Errorf("bronze key: the ingest date is missing")
	case !name.MatchString(k.Name):
		return fmt.Errorf("bronze key: the name %q is not made of letters, digits, dot, _ and -", k.Name)
	case !slices.Contains(extensions, k.Ext):
		return fmt.Errorf("bronze key: the extension %q is none of %s", k.Ext, strings.Join(extensions, ", "))
	}
	return nil
}
