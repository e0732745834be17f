package coincap

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// PageLimit is the most assets that one /assets response holds.
const PageLimit = 2000

// Top fetches the first n assets by rank, in as many pages as that takes.
func (c *Client) Top(ctx context.Context, n int) ([]*Response, error) {
	var pages []*Response
	for _, p := range paging(n) {
		page, err := c.list(ctx, "assets", url.Values{"limit": {strconv.Itoa(p.limit)}, "offset": {strconv.Itoa(p.offset)}})
		if err != nil {
			return nil, err
		}
		if page.NotFound() {
			return nil, &Error{Kind: Unexpected, URL: page.URL, Status: page.Status, Detail: shorten(page.Body)}
		}
		pages = append(pages, page)
		if page.Envelope.Items < p.limit {
			break
		}
	}
	return pages, nil
}

// Pages is how many calls it takes to list the first n assets.
func Pages(n int) int { return len(paging(n)) }

type page struct{ limit, offset int }

// paging cuts the first n of a list into pages.
func paging(n int) []page {
	var pages []page
	for offset := 0; offset < n; offset += PageLimit {
		pages = append(pages, page{limit: min(PageLimit, n-offset), offset: offset})
	}
	return pages
}

// History fetches an asset's history for the days of the piece. An asset that the API does not know is a 404 in the
// response; one without prices then is a list without items. Both mean "no data".
func (c *Client) History(ctx context.Context, asset string, interval Interval, p Piece) (*Response, error) {
	if err := CheckID(asset); err != nil {
		return nil, err
	}
	return c.list(ctx, "assets/"+asset+"/history", url.Values{
		"interval": {string(interval)},
		"start":    {strconv.FormatInt(p.Start(), 10)},
		"end":      {strconv.FormatInt(p.End(), 10)},
	})
}

var slug = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

// CheckID holds an asset's slug to what can stand in a URL, an object key and a header as it is. Every slug that CoinCap
// has had passes.
func CheckID(asset string) error {
	if !slug.MatchString(asset) {
		return fmt.Errorf("%q is no asset's slug, such as bitcoin or usd-coin", asset)
	}
	return nil
}

// IDs returns the slugs in list responses, in their order, each once: an asset can move from one page to the next between
// two calls. Rows without one are passed over; silver will name them.
func IDs(pages []*Response) ([]string, error) {
	var ids []string
	seen := map[string]bool{}
	for _, page := range pages {
		var list struct {
			Data []jsontext.Value `json:"data"`
		}
		if err := json.Unmarshal(page.Body, &list, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)); err != nil {
			return nil, fmt.Errorf("read the slugs in the answer of %s: %w", page.URL, err)
		}
		for _, raw := range list.Data {
			var row struct {
				ID string `json:"id"`
			}
			err := json.Unmarshal(raw, &row, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
			if err != nil || CheckID(row.ID) != nil || seen[row.ID] {
				continue
			}
			seen[row.ID] = true
			ids = append(ids, row.ID)
		}
	}
	return ids, nil
}
