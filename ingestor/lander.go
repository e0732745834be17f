package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
	"golang.org/x/sync/errgroup"

	"millrace/infra/cli"
	"millrace/infra/settings"
	"millrace/infra/tracing"
	"millrace/ingestor/bronze"
	"millrace/ingestor/coincap"
)

// parallel is the number of calls under way at once. The rate limit is what holds calls back; this only keeps a slow API
// from being asked for hundreds of histories at the same time.
const parallel = 16

// fetchFlags are those of every command that fetches.
type fetchFlags struct {
	BaseURL  string          `name:"coincap-base-url" env:"COINCAP_BASE_URL" default:"https://rest.coincap.io/v3" placeholder:"URL" help:"Address of the API."`
	APIKey   settings.Secret `name:"coincap-api-key" env:"COINCAP_API_KEY" placeholder:"KEY" help:"Key of the API; better given by the environment, because other users see flags."`
	Rate     int             `name:"rate" env:"MILLRACE_INGEST_RATE" placeholder:"N" help:"Most calls a minute (default: 600, and no limit for an API on this machine)."`
	Patience time.Duration   `name:"patience" env:"MILLRACE_INGEST_PATIENCE" default:"90s" help:"How long a call that fails in passing (rate limit, server error, broken connection) is tried again."`
	// For schedulers: Airflow would otherwise try a refused key again for an hour.
	FinalCode int `name:"final-exit-code" env:"MILLRACE_INGEST_FINAL_EXIT_CODE" default:"1" placeholder:"CODE" help:"Exit code of a failure that trying again cannot mend, such as a refused key (default ${default}, that of every failure)."`
	settings.S3
}

// judge gives a failure that trying again cannot mend the exit code that was asked for.
func (f fetchFlags) judge(err error) error {
	var failed *coincap.Error
	if errors.As(err, &failed) && failed.Kind.Final() {
		return cli.WithCode(err, f.FinalCode)
	}
	return err
}

// lander fetches responses and puts them into bronze.
type lander struct {
	api    *coincap.Client
	store  *minio.Client
	bucket string
	now    clock
	used   account
}

func (f fetchFlags) lander(now clock) (*lander, error) {
	if f.Rate < 0 {
		return nil, cli.Usage("--rate must not be negative")
	}
	if f.Patience <= 0 {
		return nil, cli.Usage("--patience must be above 0")
	}
	store, err := f.Client()
	if err != nil {
		return nil, err
	}
	api, err := coincap.New(coincap.Config{BaseURL: f.BaseURL, Key: f.APIKey, Rate: f.Rate, Retry: coincap.Retry{Patience: f.Patience}, Agent: program()})
	if err != nil {
		return nil, err
	}
	return &lander{api: api, store: store, bucket: f.Bucket, now: now}, nil
}

// program names this build, in metadata and to the API.
func program() string {
	name := "millrace-ingestor"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return name
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return name + "/" + setting.Value[:min(12, len(setting.Value))]
		}
	}
	return name
}

// outcome is what became of one response.
type outcome string

const (
	put          outcome = "put"
	alreadyThere outcome = "already there"
	noData       outcome = "no data"
)

// landed is one response's result. Without a key, nothing was put.
type landed struct {
	dataset string
	asset   string
	piece   coincap.Piece
	items   int
	bytes   int
	outcome outcome
	key     string
}

// put puts one response. An empty list is kept, since it is what the API answered, and reported as "no data"; a 404 has
// nothing to keep.
func (l *lander) put(ctx context.Context, dataset, stem string, ingest bronze.Day, r *coincap.Response, more map[string]string) (landed, error) {
	result := landed{dataset: dataset, items: r.Envelope.Items, outcome: noData}
	if r.NotFound() {
		return result, nil
	}
	ctx, end := tracing.Span(ctx, "ingest "+dataset)
	defer end()
	tracing.Past(tracing.Parent(ctx), "fetch", r.FetchedAt.Add(-r.Duration), r.FetchedAt, "")
	meta := map[string]string{
		bronze.MetaCredits:       strconv.Itoa(credits(r)),
		bronze.MetaRequestURL:    r.URL,
		bronze.MetaStatus:        strconv.Itoa(r.Status),
		bronze.MetaFetchedAt:     r.FetchedAt.UTC().Format("2006-01-02T15:04:05.000Z"),
		bronze.MetaDuration:      strconv.FormatInt(r.Duration.Milliseconds(), 10),
		bronze.MetaSourceProgram: program(),
	}
	if parent := tracing.Parent(ctx); parent != "" {
		meta[bronze.MetaTraceParent] = parent
	}
	if r.Synthetic {
		meta[bronze.MetaSynthetic] = "true"
	}
	for name, value := range more {
		meta[name] = value
	}
	key := bronze.NewKey("coincap", dataset, ingest, stem, bronze.JSON, r.Body)
	created, err := bronze.Put(ctx, l.store, l.bucket, key, r.Body, meta)
	if err != nil {
		return result, err
	}
	result.key, result.bytes = key.String(), len(r.Body)
	switch {
	case r.Envelope.Items == 0:
	case created:
		result.outcome = put
	default:
		result.outcome = alreadyThere
	}
	return result, nil
}

// top fetches the pages of the n largest assets. No assets at all is a failure, unlike a history without points: the list
// is never empty.
func (l *lander) top(ctx context.Context, n int) ([]*coincap.Response, error) {
	pages, err := l.api.Top(ctx, n)
	if err != nil {
		return nil, err
	}
	for _, page := range pages {
		l.used.add(page)
	}
	if len(pages) == 0 || pages[0].Envelope.Items == 0 {
		return nil, errors.New("list the largest assets: the API answered with an empty list; nothing was put")
	}
	return pages, nil
}

// snapshot puts the pages, named for the time that each says of itself.
func (l *lander) snapshot(ctx context.Context, pages []*coincap.Response, ingest bronze.Day) ([]landed, error) {
	var results []landed
	for _, page := range pages {
		stem := "assets"
		if ms := page.Envelope.Timestamp; ms > 0 {
			stem += "_" + time.UnixMilli(ms).UTC().Format("20060102T150405.000Z")
		}
		result, err := l.put(ctx, "assets", stem, ingest, page, nil)
		if err != nil {
			return results, err
		}
		results = append(results, result)
	}
	return results, nil
}

// history fetches and puts the pieces of all assets, side by side. A failure that every other call would share ends it; one
// that is a single asset's own does not keep the others out, and is reported at the end. What was put stays: running the
// command again finds it there.
func (l *lander) history(ctx context.Context, assets []string, interval coincap.Interval, pieces []coincap.Piece, ingest func() bronze.Day, step func()) ([]landed, error) {
	var mu sync.Mutex
	var results []landed
	var failures []error
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for _, asset := range assets {
		for _, piece := range pieces {
			group.Go(func() error {
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				result, err := l.historyPiece(ctx, asset, interval, piece, ingest)
				mu.Lock()
				defer mu.Unlock()
				var failed *coincap.Error
				switch {
				case err == nil:
					results = append(results, result)
					step()
					return nil
				case errors.As(err, &failed) && ownFailure(failed.Kind):
					failures = append(failures, err)
					return nil
				}
				return err
			})
		}
	}
	err := group.Wait()
	order := make(map[string]int, len(assets))
	for i, asset := range assets {
		order[asset] = i
	}
	slices.SortFunc(results, func(a, b landed) int {
		return cmp.Or(cmp.Compare(order[a.asset], order[b.asset]), a.piece.From.Compare(b.piece.From))
	})
	if err == nil && len(failures) > 0 {
		err = fmt.Errorf("%d of %d histories failed, the first so: %w", len(failures), len(assets)*len(pieces), failures[0])
	}
	return results, err
}

func (l *lander) historyPiece(ctx context.Context, asset string, interval coincap.Interval, piece coincap.Piece, ingest func() bronze.Day) (landed, error) {
	response, err := l.api.History(ctx, asset, interval, piece)
	if err != nil {
		return landed{}, err
	}
	l.used.add(response)
	stem := fmt.Sprintf("%s_%s_%s_%s", asset, interval, piece.From, piece.To)
	result, err := l.put(ctx, "history", stem, ingest(), response, map[string]string{
		bronze.MetaAssetID:  asset,
		bronze.MetaInterval: string(interval),
	})
	result.asset, result.piece = asset, piece
	return result, err
}

// ownFailure reports whether a failure says something about one request only, and not about the key or the API.
func ownFailure(kind coincap.Kind) bool {
	switch kind {
	case coincap.BadRequest, coincap.ServerError, coincap.Truncated, coincap.TooLarge, coincap.NotList:
		return true
	}
	return false
}

// report prints what landed, also when the command failed after that; the failure stays the command's. A key says most of
// what the other columns do, and is what people copy: so a table leaves the others out for it.
func report(out *cli.Output, results []landed, failed error) error {
	if failed != nil && len(results) == 0 {
		return failed
	}
	headers := []string{"dataset", "asset", "from", "to", "items", "bytes", "outcome", "key"}
	if out.Format() == "table" {
		headers = []string{"outcome", "items", "key"}
	}
	rows := make([][]any, len(results))
	for i, r := range results {
		rows[i] = []any{r.dataset, text(r.asset), text(r.piece.From.String()), text(r.piece.To.String()), r.items, r.bytes, string(r.outcome), text(r.key)}
		if out.Format() == "table" {
			key := r.key
			if key == "" {
				key = fmt.Sprintf("(%s of %s, %s to %s)", r.dataset, r.asset, r.piece.From, r.piece.To)
			}
			rows[i] = []any{string(r.outcome), r.items, key}
		}
	}
	return errors.Join(failed, out.Table(headers, rows))
}

// text makes nothing of "", so that it is null in JSON.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}
