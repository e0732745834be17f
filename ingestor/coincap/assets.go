package coincap

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"millrace/ingestor/bronze"
	"millrace/ingestor/source"
)

// Name is the source's, in bronze's keys; Assets and History are its datasets.
const (
	Name    = "coincap"
	Assets  = "assets"
	History = "history"
)

// PageLimit is the most assets that one /assets response holds.
const PageLimit = 2000

// Top fetches the first n assets by rank, in as many pages as that takes. Each page is named for the time that it says of
// itself.
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
		page.Place = bronze.Place{Source: Name, Dataset: Assets, Stem: assetsStem(page.Envelope.Timestamp), Ext: bronze.JSON}
		pages = append(pages, page)
		if page.Envelope.Items < p.limit {
			break
		}
	}
	return pages, nil
}

// assetsStem names a page for its timestamp, in milliseconds since 1970; 0 is none.
func assetsStem(timestamp int64) string {
	if timestamp <= 0 {
		return "assets"
	}
	return "assets_" + time.UnixMilli(timestamp).UTC().Format("20060102T150405.000Z")
}

type page struct{ limit, offset int }

// paging cuts the first n of a list into pages.
func paging(n int) []page {
	var pages []page
	for offset := 0; offset < n; offset += PageLimit {
		pages = append(pages, page{limit: min(PageLimit, n-offset), offset: offset})
	}
	return pages
}

var slug = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

// CheckID returns an error unless a slug can stand in a URL, an object key and a header as it is. Every slug that CoinCap has
// had passes.
func CheckID(asset string) error {
	if !slug.MatchString(asset) {
		return fmt.Errorf("%q is no asset's slug, such as bitcoin or usd-coin", asset)
	}
	return nil
}

// IDs returns the slugs in list responses, in their order, each once: an asset can move from one page to the next between
// two calls. skipped are the rows whose slug is no slug: their history cannot be asked for.
func IDs(pages []*Response) (ids []string, skipped []source.Skipped, err error) {
	seen := map[string]bool{}
	for _, page := range pages {
		var list struct {
			Data []jsontext.Value `json:"data"`
		}
		if err := json.Unmarshal(page.Body, &list, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)); err != nil {
			return nil, nil, fmt.Errorf("read the slugs in the answer of %s: %w", page.URL, err)
		}
		for i, raw := range list.Data {
			var row struct {
				ID *string `json:"id"`
			}
			err := json.Unmarshal(raw, &row, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
			switch {
			case err != nil || row.ID == nil:
				skipped = append(skipped, source.Skipped{Subject: fmt.Sprintf("row %d", i+1), Reason: "its id is no text: " + shorten(raw)})
			case seen[*row.ID]:
			case CheckID(*row.ID) != nil:
				seen[*row.ID] = true
				skipped = append(skipped, source.Skipped{Subject: strconv.Quote(shorten([]byte(*row.ID))), Reason: "its id cannot stand in a request or a key"})
			default:
				seen[*row.ID] = true
				ids = append(ids, *row.ID)
			}
		}
	}
	return ids, skipped, nil
}
