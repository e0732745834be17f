package bronze

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"regexp"

	"github.com/minio/minio-go/v7"
)

// Names of the user metadata that describe a fetch. The reactor reads AssetID and Interval, which a history body lacks.
const (
	MetaRequestURL    = "request-url" // never with the API key
	MetaStatus        = "http-status"
	MetaFetchedAt     = "fetched-at" // RFC 3339 with milliseconds, UTC
	MetaDuration      = "fetch-duration-ms"
	MetaAssetID       = "asset-id"
	MetaInterval      = "interval"
	MetaSynthetic     = "synthetic" // "true" for what the simulator made up
	MetaSourceProgram = "source-program"
	MetaCredits       = "api-credits" // that the call cost
	MetaTraceParent   = "traceparent" // of the ingest, while somebody traces it
)

var contentTypes = map[string]string{
	JSON:       "application/json",
	JSONGzip:   "application/gzip",
	NDJSON:     "application/x-ndjson",
	NDJSONGzip: "application/gzip",
	Parquet:    "application/vnd.apache.parquet",
}

var metaName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)

// Object is what is put: a body under its key, described by its metadata.
type Object struct {
	Key      Key
	Body     []byte
	Metadata map[string]string // printable ASCII, under names of a-z, 0-9 and -
}

// validate finds what an S3 server would refuse, or other clients could not read.
func (o Object) validate() error {
	if err := o.Key.Validate(); err != nil {
		return err
	}
	for name, value := range o.Metadata {
		if !metaName.MatchString(name) {
			return fmt.Errorf("put bronze object %s: the metadata name %q is not made of a-z, 0-9 and -", o.Key, name)
		}
		for _, c := range []byte(value) {
			// Other bytes reach other S3 clients as RFC 2047 text, or not at all.
			if c < 0x20 || c > 0x7e {
				return fmt.Errorf("put bronze object %s: the metadata %s holds more than printable ASCII: %q", o.Key, name, value)
			}
		}
	}
	return nil
}

// Put writes an object unless there is one of its key already; created tells which. It is one request, never a multipart
// upload, so the object is there whole or not at all, and If-None-Match decides between two writers.
// A request that is retried after a lost answer finds its own object and reports created = false.
func Put(ctx context.Context, client *minio.Client, bucket string, o Object) (created bool, err error) {
	if err := o.validate(); err != nil {
		return false, err
	}
	options := minio.PutObjectOptions{
		ContentType:      contentTypes[o.Key.Ext],
		UserMetadata:     o.Metadata,
		DisableMultipart: true,
		SendContentMd5:   true, // the server compares it before it commits the object
	}
	options.SetMatchETagExcept("*")
	_, err = client.PutObject(ctx, bucket, o.Key.String(), bytes.NewReader(o.Body), int64(len(o.Body)), options)
	if err == nil {
		return true, nil
	}
	response := minio.ToErrorResponse(err)
	switch {
	case response.StatusCode == http.StatusPreconditionFailed || response.Code == minio.PreconditionFailed:
		return false, nil
	case response.Code == minio.AccessDenied:
		// S3 does not tell strangers which buckets there are, so this is its answer for an absent one, too.
		return false, fmt.Errorf("put bronze object %s into bucket %s: the credentials may not write there, or there is no such bucket (MILLRACE_S3_ACCESS_KEY, MILLRACE_BUCKET): %w", o.Key, bucket, err)
	case response.Code == minio.NoSuchBucket:
		return false, fmt.Errorf("put bronze object %s: there is no bucket %s (MILLRACE_BUCKET; the stack makes it at its start): %w", o.Key, bucket, err)
	case response.Code == "" && ctx.Err() == nil: // no answer at all
		return false, fmt.Errorf("put bronze object %s into bucket %s: %w: check that the object store runs (MILLRACE_S3_ENDPOINT; `go tool task up` starts one)", o.Key, bucket, err)
	}
	return false, fmt.Errorf("put bronze object %s into bucket %s: %w", o.Key, bucket, err)
}
