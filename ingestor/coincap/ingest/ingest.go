// Package ingest is what the ingestor's commands do with CoinCap: land a snapshot, a day, or the history of some days, and
// say beforehand what that costs. Each returns what became of every answer, also when it fails; what was put by then stays.
package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"millrace/ingestor/bronze"
	"millrace/ingestor/coincap"
	"millrace/ingestor/landing"
)

// Ingest lands CoinCap's answers. All fields but Watch must be set.
type Ingest struct {
	API    *coincap.Client
	Lander *landing.Lander
	Now    func() time.Time
	Watch  func(total int, label string) Bar // shows how far a batch is; nil shows nothing
}

// Bar shows the progress of one batch.
type Bar interface {
	Add(n int)
	Done()
}

// noBar is shown where nobody watches.
type noBar struct{}

func (noBar) Add(int) {}
func (noBar) Done()   {}

func (i *Ingest) today() bronze.Day { return bronze.DayOf(i.Now()) }

func (i *Ingest) watch(total int, label string) Bar {
	if i.Watch == nil {
		return noBar{}
	}
	return i.Watch(total, label)
}

// Snapshot lands the n largest assets as they are now.
func (i *Ingest) Snapshot(ctx context.Context, n int) ([]landing.Landed, error) {
	pages, err := i.top(ctx, n)
	if err != nil {
		return nil, err
	}
	return i.landPages(ctx, pages, i.today())
}

// Daily lands a day that is over or runs: its d1 history of the n largest assets and, when it is the newest complete or the
// running day, a snapshot. The call that finds the assets is that snapshot; for older days it only names the assets, since
// it tells of today and not of that day. A day that is over has data, or the error is a NoDataError: it is to be asked for
// again. The running day may have no point yet; its snapshot is its data.
func (i *Ingest) Daily(ctx context.Context, day bronze.Day, n int) ([]landing.Landed, error) {
	pages, err := i.top(ctx, n)
	if err != nil {
		return nil, err
	}
	ids, skipped, err := coincap.IDs(pages)
	if err != nil {
		return nil, err
	}
	var results []landing.Landed
	if !day.Before(i.today().Add(-1)) {
		if results, err = i.landPages(ctx, pages, day); err != nil {
			return results, err
		}
	}
	h := History{Assets: ids, Interval: coincap.D1, Pieces: []coincap.Piece{{From: day, To: day}}}
	histories, err := i.land(ctx, h, func() bronze.Day { return day }, "history of "+day.String())
	histories = append(histories, landing.SkippedOf(coincap.History, skipped)...)
	if err == nil && day.Before(i.today()) {
		err = judge(day.String(), histories)
	}
	return append(results, histories...), err
}

// top fetches the pages of the n largest assets. No assets at all is a failure, unlike a history without points: the list
// is never empty.
func (i *Ingest) top(ctx context.Context, n int) ([]*coincap.Response, error) {
	pages, err := i.API.Top(ctx, n)
	if err != nil {
		return nil, err
	}
	for _, page := range pages {
		i.Lander.Count(&page.Response)
	}
	if len(pages) == 0 || pages[0].Envelope.Items == 0 {
		return nil, errors.New("list the largest assets: the API answered with an empty list; nothing was put")
	}
	return pages, nil
}

// landPages puts the pages of a list.
func (i *Ingest) landPages(ctx context.Context, pages []*coincap.Response, day bronze.Day) ([]landing.Landed, error) {
	var results []landing.Landed
	for _, page := range pages {
		result, err := i.Lander.Land(ctx, day, &page.Response)
		if err != nil {
			return results, err
		}
		results = append(results, result)
	}
	return results, nil
}

// NoDataError says that not one asset has data for the days that were asked for. That is no success: a scheduler that took it
// for one would never ask for these days again.
type NoDataError struct {
	Days                    string
	Empty, Unknown, Skipped int // histories by reason: an empty list, a 404, an id that is no slug
}

func (e *NoDataError) Error() string {
	return fmt.Sprintf("no asset has data for %s: %d histories are empty, %d are of assets that the API does not know, %d ids are no slugs; "+
		"run it again later, or ask for days and assets that the API has", e.Days, e.Empty, e.Unknown, e.Skipped)
}

// judge returns a NoDataError unless one of the histories has data.
func judge(days string, histories []landing.Landed) error {
	failed := &NoDataError{Days: days}
	for _, h := range histories {
		switch {
		case h.HasData():
			return nil
		case h.Outcome == landing.Skipped:
			failed.Skipped++
		case h.Key == "":
			failed.Unknown++
		default:
			failed.Empty++
		}
	}
	return failed
}
