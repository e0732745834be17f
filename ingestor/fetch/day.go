package fetch

import (
	"context"
	"fmt"
	"time"

	"millrace/ingestor/bronze"
	"millrace/ingestor/landing"
	"millrace/ingestor/recipe"
	"millrace/ingestor/source"
)

// parallel is how many items are asked for at once: so many bodies are in memory.
const parallel = 4

// Source lands the answers of one source.
type Source struct {
	Client *Client
	Lander *landing.Lander
	Now    func() time.Time
	Step   func() // called after each item; nil for nothing
}

// Request is one that a day begins with, as it may be shown.
type Request struct{ Item, Method, URL string }

// Requests are those that a day begins with, without their secrets. Further pages follow from the answers.
func Requests(r *recipe.Recipe, day bronze.Day) ([]Request, error) {
	var all []Request
	for _, item := range items(r) {
		address, err := r.Address(recipe.Values{Day: day, Item: item})
		if err != nil {
			return nil, fmt.Errorf("make the address of %q: %w", item, err)
		}
		turn := turner{paging: r.Paging}
		turn.begin(address)
		all = append(all, Request{item, r.Method, address.String()})
	}
	return all, nil
}

func items(r *recipe.Recipe) []string {
	if len(r.Items) == 0 {
		return []string{""}
	}
	return r.Items
}

// TooOldError says that a source tells of the moment only.
type TooOldError struct {
	File string
	Day  bronze.Day
}

func (e *TooOldError) Error() string {
	return fmt.Sprintf("%s: its request names no day, so the answer tells of now and not of %s: ask for today or yesterday, or write a placeholder such as {day} or {from_ms} into url or query", e.File, e.Day)
}

// Check refuses a day that cannot be asked for.
func (s *Source) Check(day bronze.Day) error {
	if s.Client.cfg.Recipe.OfMoment() && day.Before(s.today().Add(-1)) {
		return &TooOldError{s.Client.cfg.File, day}
	}
	return nil
}

func (s *Source) today() bronze.Day { return bronze.DayOf(s.Now()) }

// Day lands one day. A day that is over has rows, or the error is a NoDataError: it is to be asked for again. So has a source that
// tells of the moment, whose list is never empty; of the others the running day may have no row yet.
func (s *Source) Day(ctx context.Context, day bronze.Day) ([]landing.Landed, error) {
	if err := s.Check(day); err != nil {
		return nil, err
	}
	r := s.Client.cfg.Recipe
	batch := landing.Batch{What: "items", Day: func() bronze.Day { return day }, Step: s.Step, Parallel: parallel}
	for _, item := range items(r) {
		v := recipe.Values{Day: day, Item: item}
		batch.Calls = append(batch.Calls, func(ctx context.Context, land func(*source.Response) error) error {
			return s.Client.pages(ctx, v, func(got *answer) error { return land(response(r, got)) })
		})
	}
	results, err := s.Lander.LandAll(ctx, batch)
	if err == nil && (r.OfMoment() || day.Before(s.today())) {
		err = judgeDay(r.Name(), day, results)
	}
	return results, err
}

// response is an answer as bronze keeps it.
func response(r *recipe.Recipe, got *answer) *source.Response {
	v := got.values
	out := &source.Response{
		URL: got.address.String(), Status: got.status, FetchedAt: got.at, Duration: got.duration, Body: got.body, Credits: 1,
		Place: r.Place(v, got.ext), Metadata: r.About(v), Subject: v.Item, Items: got.rows,
	}
	if !r.OfMoment() {
		out.From, out.To = v.Day, v.Day
	}
	return out
}

// NoDataError says that a day has no row. That is no success: a scheduler that took it for one would never ask for it again.
type NoDataError struct {
	Dataset        string
	Day            bronze.Day
	Empty, Unknown int // answers by reason: no rows in their place, a 404
}

func (e *NoDataError) Error() string {
	return fmt.Sprintf("%s has no data for %s: %d answers have no row, %d are not known to the source (HTTP 404 or 204); run it again later, or ask for a day and items that the source has",
		e.Dataset, e.Day, e.Empty, e.Unknown)
}

func judgeDay(dataset string, day bronze.Day, results []landing.Landed) error {
	failed := &NoDataError{Dataset: dataset, Day: day}
	for _, r := range results {
		switch {
		case r.HasData():
			return nil
		case r.Key == "":
			failed.Unknown++
		default:
			failed.Empty++
		}
	}
	return failed
}
