package airflow

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
)

// assetPage is the most that Airflow lists at once.
const assetPage = 100

// Asset finds the id of an asset by its URI; ok is false when no DAG names it (yet).
func (c *Client) Asset(ctx context.Context, uri string) (id int, ok bool, err error) {
	c.mu.Lock()
	id, ok = c.ids[uri]
	c.mu.Unlock()
	if ok {
		return id, true, nil
	}
	var found struct {
		Assets []struct {
			ID  int    `json:"id"`
			URI string `json:"uri"`
		} `json:"assets"`
	}
	// The pattern finds what only contains it as well. In the order of URIs those come after the one that is meant.
	query := url.Values{"uri_pattern": {uri}, "order_by": {"uri"}, "limit": {strconv.Itoa(assetPage)}}
	if err := c.Call(ctx, http.MethodGet, "/api/v2/assets?"+query.Encode(), nil, &found); err != nil {
		return 0, false, err
	}
	for _, a := range found.Assets {
		if a.URI == uri {
			c.mu.Lock()
			c.ids[uri] = a.ID
			c.mu.Unlock()
			return a.ID, true, nil
		}
	}
	return 0, false, nil
}

// Events returns what the newest events of an asset carry, at most n of them, the newest first.
func (c *Client) Events(ctx context.Context, asset, n int) ([]map[string]any, error) {
	var list struct {
		Events []struct {
			Extra map[string]any `json:"extra"`
		} `json:"asset_events"`
	}
	query := url.Values{"asset_id": {strconv.Itoa(asset)}, "order_by": {"-timestamp"}, "limit": {strconv.Itoa(n)}}
	if err := c.Call(ctx, http.MethodGet, "/api/v2/assets/events?"+query.Encode(), nil, &list); err != nil {
		return nil, err
	}
	extras := make([]map[string]any, len(list.Events))
	for i, e := range list.Events {
		extras[i] = e.Extra
	}
	return extras, nil
}

// AddEvent adds an event to an asset.
func (c *Client) AddEvent(ctx context.Context, asset int, extra map[string]any) error {
	return c.Call(ctx, http.MethodPost, "/api/v2/assets/events", map[string]any{"asset_id": asset, "extra": extra}, nil)
}
