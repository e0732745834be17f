package ingest

import (
	"context"
	"slices"

	"millrace/ingestor/bronze"
	"millrace/ingestor/coincap"
	"millrace/ingestor/landing"
	"millrace/ingestor/source"
)

// History is which histories are asked for.
type History struct {
	Assets   []string // slugs; none stands for the largest ones
	Top      int      // how many of the largest, where no assets are named
	Interval coincap.Interval
	Pieces   []coincap.Piece // the days, one request each
}

// History lands histories. When not one of them has data, the error is a NoDataError.
func (i *Ingest) History(ctx context.Context, h History) ([]landing.Landed, error) {
	var skipped []source.Skipped
	if len(h.Assets) == 0 {
		pages, err := i.top(ctx, h.Top)
		if err != nil {
			return nil, err
		}
		if h.Assets, skipped, err = coincap.IDs(pages); err != nil {
			return nil, err
		}
	}
	results, err := i.land(ctx, h, i.today, "history")
	results = append(results, landing.SkippedOf(coincap.History, skipped)...)
	if err == nil {
		err = judge(h.days().String(), results)
	}
	return results, err
}

// days are the first and the last day of the pieces, which are in order.
func (h History) days() coincap.Piece {
	if len(h.Pieces) == 0 {
		return coincap.Piece{}
	}
	return coincap.Piece{From: h.Pieces[0].From, To: h.Pieces[len(h.Pieces)-1].To}
}

// land fetches and puts the pieces of all assets, in their order.
func (i *Ingest) land(ctx context.Context, h History, day func() bronze.Day, label string) ([]landing.Landed, error) {
	batch := landing.Batch{What: "histories", Day: day}
	for _, asset := range h.Assets {
		for _, piece := range h.Pieces {
			batch.Calls = append(batch.Calls, landing.One(func(ctx context.Context) (*source.Response, error) {
				response, err := i.API.History(ctx, asset, h.Interval, piece)
				if err != nil {
					return nil, err
				}
				return &response.Response, nil
			}))
		}
	}
	bar := i.watch(len(batch.Calls), label)
	defer bar.Done()
	batch.Step = func() { bar.Add(1) }
	return i.Lander.LandAll(ctx, batch)
}

// Cost is what fetching one piece from all assets costs, at most.
type Cost struct {
	Piece          coincap.Piece
	Interval       coincap.Interval
	Assets         int
	Calls, Credits int
}

// Costs says what the histories would cost, piece by piece, and asks the API for nothing: how many assets there will be is Top
// where none are named, and finding those is a part of the first piece.
func (h History) Costs() []Cost {
	n := len(h.Assets)
	var all []Cost
	for _, p := range h.Pieces {
		c := Cost{Piece: p, Interval: h.Interval, Assets: n}
		if n == 0 {
			c.Assets = h.Top
			if len(all) == 0 {
				c.Calls, c.Credits = coincap.TopCost(h.Top)
			}
		}
		c.Calls += c.Assets
		c.Credits += c.Assets * coincap.HistoryCredits(h.Interval, p)
		all = append(all, c)
	}
	return all
}

// Distinct drops repeated slugs and keeps the order.
func Distinct(assets []string) []string {
	var all []string
	for _, asset := range assets {
		if !slices.Contains(all, asset) {
			all = append(all, asset)
		}
	}
	return all
}
