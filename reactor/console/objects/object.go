package objects

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/minio/minio-go/v7"

	"millrace/infra/bucket"
	"millrace/ingestor/bronze"
	"millrace/reactor/console/web"
	"millrace/reactor/duck"
	"millrace/reactor/lake"
	"millrace/reactor/silver"
	"millrace/reactor/stream"
	"millrace/reactor/tables"
)

// read is how many bytes of an object a page shows.
const read = 64 << 10

// Object is an object of bronze and what became of it.
type Object struct {
	Key      string     `json:"key"`
	Version  string     `json:"version"`
	Bytes    int64      `json:"bytes"`
	PutAt    time.Time  `json:"put_at"`
	Metadata []Property `json:"metadata"`
	Versions []Version  `json:"versions"`
	// Text is the beginning of the object, made readable; Cut tells that there is more, and Note what was done to it.
	Text string `json:"text"`
	Cut  bool   `json:"cut"`
	Note string `json:"note,omitempty"`
	// Gone tells that bronze does not have the object any more.
	Gone bool `json:"gone"`
}

// Property is something that the object's metadata say.
type Property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Version is what the ledger knows of a version of the object.
type Version struct {
	Version    string    `json:"version"`
	ModifiedAt time.Time `json:"modified_at"`
	Event      string    `json:"event"`
	Table      string    `json:"table,omitempty"`
	Outcome    string    `json:"outcome"`
	Reason     string    `json:"reason,omitempty"`
	Snapshot   int64     `json:"snapshot"`
	Run        string    `json:"run,omitempty"`
	At         time.Time `json:"at"`
	// Trace is the page that shows its trace, "" where no viewer is configured.
	Trace string `json:"trace,omitempty"`
	// Rows is the SQL that shows the rows of this version which the table has now, and Refused those that were refused.
	Rows    string `json:"rows_sql,omitempty"`
	Refused string `json:"refused_sql,omitempty"`
}

func (p *Pages) object(r *http.Request) (Object, error) {
	query := r.URL.Query()
	o := Object{Key: query.Get("key"), Version: query.Get("version"), Metadata: []Property{}, Versions: []Version{}}
	if !strings.HasPrefix(o.Key, root) {
		return o, web.BadRequest("%q is no object of bronze", o.Key)
	}
	if len(o.Key) > longest {
		return o, web.BadRequest("a key has %d bytes at most; this one has %d", longest, len(o.Key))
	}
	entries, err := p.lake.EntriesOf(r.Context(), o.Key)
	if err != nil {
		return o, err
	}
	for _, e := range entries {
		o.Versions = append(o.Versions, versionOf(e))
	}
	slices.Reverse(o.Versions)
	if err := p.read(r, &o); err != nil {
		return o, err
	}
	p.trace(&o)
	if o.Gone && len(entries) == 0 {
		return o, web.NotFound("bronze has no object %s, and the ledger never had one", o.Key)
	}
	return o, nil
}

func versionOf(e lake.Entry) Version {
	v := Version{
		Version: e.SourceVersion, ModifiedAt: e.ModifiedAt, Event: e.EventID, Outcome: e.Outcome, Reason: e.Reason, Snapshot: e.SnapshotID, Run: e.Run, At: e.At,
	}
	if e.Table == "" {
		return v
	}
	v.Table = silver.TableName(e.Table)
	where := fmt.Sprintf("where source_key = %s and source_version = %s order by source_row", duck.Quote(e.SourceKey), duck.Quote(e.SourceVersion))
	v.Rows, v.Refused = "from "+v.Table+" "+where, "from "+tables.Rejected+" "+where
	return v
}

// TraceID stands for a trace's id in the address of a viewer.
const TraceID = "{trace}"

// trace links the versions with their traces. The metadata that may name a trace are those of the version that is shown: of the others
// a link would be a guess.
func (p *Pages) trace(o *Object) {
	if p.traces == "" {
		return
	}
	parent := ""
	for _, m := range o.Metadata {
		if m.Name == bronze.MetaTraceParent {
			parent = m.Value
		}
	}
	for i := range o.Versions {
		v := &o.Versions[i]
		if v.Version != o.Version && v.Run == "" {
			continue
		}
		v.Trace = strings.ReplaceAll(p.traces, TraceID, stream.TraceID(v.Event, v.Run, parent))
	}
}

// read fetches the object's metadata and its beginning.
func (p *Pages) read(r *http.Request, o *Object) error {
	at, options := bronze.Bytes(o.Key, o.Version)
	if at != o.Key {
		link, err := p.bucket.Client.StatObject(r.Context(), p.bucket.Name, o.Key, minio.StatObjectOptions{VersionID: o.Version})
		if bucket.Gone(err) {
			o.Gone = true
			return nil
		}
		if err != nil {
			return refused(fmt.Errorf("look at %s: %w", o.Key, err))
		}
		o.Version, o.Metadata = link.VersionID, append(o.Metadata, Property{"original", at})
	}
	got, err := p.bucket.Client.GetObject(r.Context(), p.bucket.Name, at, options)
	if err != nil {
		return fmt.Errorf("read %s: %w", o.Key, err)
	}
	defer func() { _ = got.Close() }() // it was read as far as wanted
	info, err := got.Stat()
	if bucket.Gone(err) {
		o.Gone = true
		return nil
	}
	if err != nil {
		return refused(fmt.Errorf("look at %s: %w", o.Key, err))
	}
	if o.Bytes, o.PutAt = info.Size, info.LastModified; at == o.Key {
		o.Version = info.VersionID
	}
	for _, name := range slices.Sorted(maps.Keys(info.UserMetadata)) {
		o.Metadata = append(o.Metadata, Property{strings.ToLower(name), info.UserMetadata[name]})
	}
	head, err := io.ReadAll(io.LimitReader(got, read))
	if err != nil {
		return fmt.Errorf("read %s: %w", o.Key, err)
	}
	o.show(head)
	return nil
}

// show makes the beginning of an object readable: unpacked, indented where it is whole JSON, and as bytes where it is no text.
func (o *Object) show(head []byte) {
	o.Cut = int64(len(head)) < o.Bytes
	if unpacked, ok := gunzip(head); ok {
		o.Note, o.Cut, head = "unpacked; ", o.Cut || len(unpacked) == read, unpacked
	}
	var b bytes.Buffer
	switch {
	case bytes.HasPrefix(head, []byte("PAR1")):
		o.Note, o.Text = "Parquet: its rows are in the table below", ""
	case !o.Cut && json.Indent(&b, head, "", "  ") == nil:
		o.Note, o.Text = o.Note+"indented; the object itself is as it came", b.String()
		if len(o.Text) > 4*read {
			o.Text, o.Cut = o.Text[:4*read], true
		}
	case text(head):
		o.Text = strings.ToValidUTF8(string(head), "") // the cut may go through a character
	default:
		o.Note, o.Text = o.Note+"no text: the first bytes", fmt.Sprintf("% x", head[:min(len(head), 512)])
	}
	o.Note = strings.TrimSuffix(o.Note, "; ")
}

func text(head []byte) bool {
	for len(head) > 0 {
		r, n := utf8.DecodeRune(head)
		if r == 0 || r == utf8.RuneError && n == 1 && len(head) >= utf8.UTFMax {
			return false
		}
		head = head[n:]
	}
	return true
}

// gunzip unpacks as much of a beginning as a page shows.
func gunzip(head []byte) ([]byte, bool) {
	z, err := gzip.NewReader(bytes.NewReader(head))
	if err != nil {
		return nil, false
	}
	unpacked, err := io.ReadAll(io.LimitReader(z, read))
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, false
	}
	return unpacked, true
}
