// Package landing puts the answers of any source into bronze, each once, with its fetch described in the object's metadata,
// and says of each what became of it. It knows no source: that one makes source.Responses, and names their places.
package landing

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"

	"millrace/infra/bucket"
	"millrace/infra/tracing"
	"millrace/ingestor/bronze"
	"millrace/ingestor/source"
)

// Config says where answers land.
type Config struct {
	Store   bucket.Bucket // of a user who may put into bronze/
	Program string        // names this build in the objects' metadata
}

// Lander puts answers into bronze. It may be used by several goroutines.
type Lander struct {
	config Config
	used   struct{ calls, credits atomic.Int64 }
}

// New returns a lander.
func New(config Config) *Lander { return &Lander{config: config} }

// Count adds a call to what the source has been asked so far. LandAll counts the calls that it makes.
func (l *Lander) Count(r *source.Response) {
	l.used.calls.Add(1)
	l.used.credits.Add(int64(r.Credits))
}

// Used is how many calls were counted and what they cost. Objects carry their own part in their metadata, where the reactor
// counts it; calls that put no object show here only.
func (l *Lander) Used() (calls, credits int64) { return l.used.calls.Load(), l.used.credits.Load() }

// Land puts an answer for a day. An empty list is kept, since it is what the source answered, and reported as NoData; a 404
// has nothing to keep.
func (l *Lander) Land(ctx context.Context, day bronze.Day, r *source.Response) (Landed, error) {
	result := Landed{
		Dataset: r.Place.Dataset, Subject: r.Subject, From: r.From, To: r.To, Items: r.Items, Outcome: NoData, Reason: r.Note,
	}
	if r.NotFound() {
		result.Reason = fmt.Sprintf("the source does not know it (HTTP %d)", r.Status)
		return result, nil
	}
	ctx, end := tracing.Span(ctx, "ingest "+r.Place.Dataset)
	defer end()
	tracing.Past(tracing.Parent(ctx), tracing.Part{Name: "fetch", From: r.FetchedAt.Add(-r.Duration), To: r.FetchedAt})
	key := r.Place.Key(day, r.Body)
	object := bronze.Object{Key: key, Body: r.Body, Metadata: l.metadata(r, tracing.Parent(ctx))}
	created, err := bronze.Put(ctx, l.config.Store.Client, l.config.Store.Name, object)
	if err != nil {
		return result, err
	}
	result.Key, result.Bytes = key.String(), len(r.Body)
	switch {
	case r.Items == 0:
		result.Reason = "the source's list is empty"
	case created:
		result.Outcome = Put
	default:
		result.Outcome = AlreadyThere
	}
	return result, nil
}

// metadata describes the fetch; parent is the traceparent of the ingest, empty while nobody traces it.
func (l *Lander) metadata(r *source.Response, parent string) map[string]string {
	about := map[string]string{
		bronze.MetaCredits:       strconv.Itoa(r.Credits),
		bronze.MetaRequestURL:    r.URL,
		bronze.MetaStatus:        strconv.Itoa(r.Status),
		bronze.MetaFetchedAt:     r.FetchedAt.UTC().Format("2006-01-02T15:04:05.000Z"),
		bronze.MetaDuration:      strconv.FormatInt(r.Duration.Milliseconds(), 10),
		bronze.MetaSourceProgram: l.config.Program,
	}
	if parent != "" {
		about[bronze.MetaTraceParent] = parent
	}
	if r.Synthetic {
		about[bronze.MetaSynthetic] = "true"
	}
	for name, value := range r.Metadata {
		about[name] = value
	}
	return about
}
