package coincap

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"millrace/ingestor/bronze"
)

// History fetches an asset's history for the days of the piece. An asset that the API does not know is a 404 in the
// response; one without prices then is a list without items. Both mean "no data". An answer whose points are all of other
// days is a failure: it would be kept for the days that were asked for, and nobody would ask for those again.
func (c *Client) History(ctx context.Context, asset string, interval Interval, p Piece) (*Response, error) {
	if err := CheckID(asset); err != nil {
		return nil, err
	}
	response, err := c.list(ctx, "assets/"+asset+"/history", url.Values{
		"interval": {string(interval)},
		"start":    {strconv.FormatInt(p.Start(), 10)},
		"end":      {strconv.FormatInt(p.End(), 10)},
	})
	if err != nil {
		return nil, err
	}
	response.Place = bronze.Place{
		Source: Name, Dataset: History, Stem: fmt.Sprintf("%s_%s_%s_%s", asset, interval, p.From, p.To), Ext: bronze.JSON,
	}
	response.Subject, response.From, response.To = asset, p.From, p.To
	response.Metadata = map[string]string{bronze.MetaAssetID: asset, bronze.MetaInterval: string(interval)}
	switch points, others, first := p.outside(response.Body); {
	case points > 0 && others == points:
		return nil, &Error{Kind: OtherDays, URL: response.URL, Status: response.Status,
			Detail: fmt.Sprintf("of its %d points none is of %s, the first is of %s", points, p, bronze.DayOf(first))}
	case others > 0:
		response.Note = fmt.Sprintf("%d of its %d points are of other days than %s", others, points, p)
	}
	return response, nil
}

// outside counts the points of a body that say their time, and those of them that are not of the piece's days; first is the
// time of the first such one. What else is odd about a point is for silver to judge.
func (p Piece) outside(body []byte) (points, others int, first time.Time) {
	var list struct {
		Data []struct {
			Time jsontext.Value `json:"time"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &list, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) != nil {
		return 0, 0, first
	}
	for _, point := range list.Data {
		ms, err := strconv.ParseInt(strings.Trim(string(point.Time), `"`), 10, 64)
		if err != nil {
			continue
		}
		points++
		if ms >= p.Start() && ms <= p.End() {
			continue
		}
		if others == 0 {
			first = time.UnixMilli(ms)
		}
		others++
	}
	return points, others, first
}
