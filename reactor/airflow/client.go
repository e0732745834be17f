package airflow

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"millrace/infra/settings"
)

const (
	requestTimeout = 10 * time.Second
	answerBytes    = 1 << 20
)

// client calls the REST API of one Airflow (v2, Airflow 3).
type client struct {
	http  *http.Client
	at    settings.Airflow
	token string
	ids   map[string]int // of assets, by URI
}

func newClient(at settings.Airflow) *client {
	return &client{http: &http.Client{Timeout: requestTimeout}, at: at, ids: map[string]int{}}
}

// asset finds the id of an asset; ok is false when no DAG names it (yet).
func (c *client) asset(ctx context.Context, uri string) (id int, ok bool, err error) {
	if id, ok := c.ids[uri]; ok {
		return id, true, nil
	}
	var found struct {
		Assets []struct {
			ID  int    `json:"id"`
			URI string `json:"uri"`
		} `json:"assets"`
	}
	if err := c.call(ctx, http.MethodGet, "/api/v2/assets?uri_pattern="+url.QueryEscape(uri), nil, &found); err != nil {
		return 0, false, err
	}
	for _, a := range found.Assets { // the pattern also finds what only contains it
		if a.URI == uri {
			c.ids[uri] = a.ID
			return a.ID, true, nil
		}
	}
	return 0, false, nil
}

// lastSnapshot is the snapshot that the asset's last event tells of, "" when there is none.
func (c *client) lastSnapshot(ctx context.Context, id int) (string, error) {
	var last struct {
		Events []struct {
			Extra struct {
				SnapshotID string `json:"snapshot_id"`
			} `json:"extra"`
		} `json:"asset_events"`
	}
	if err := c.call(ctx, http.MethodGet, fmt.Sprintf("/api/v2/assets/events?asset_id=%d&order_by=-timestamp&limit=1", id), nil, &last); err != nil {
		return "", err
	}
	if len(last.Events) == 0 {
		return "", nil
	}
	return last.Events[0].Extra.SnapshotID, nil
}

// report adds an event to the asset.
func (c *client) report(ctx context.Context, id int, extra map[string]any) error {
	return c.call(ctx, http.MethodPost, "/api/v2/assets/events", map[string]any{"asset_id": id, "extra": extra}, nil)
}

// call logs in where that is needed, once more when the token has run out.
func (c *client) call(ctx context.Context, method, path string, body, answer any) error {
	fresh := c.token == ""
	if fresh {
		if err := c.login(ctx); err != nil {
			return err
		}
	}
	status, err := c.send(ctx, method, path, body, answer)
	if status == http.StatusUnauthorized && !fresh {
		if err := c.login(ctx); err != nil {
			return err
		}
		status, err = c.send(ctx, method, path, body, answer)
	}
	if status == http.StatusNotFound {
		clear(c.ids) // an Airflow with a new database counts its assets anew
	}
	return err
}

func (c *client) login(ctx context.Context) error {
	c.token = ""
	var got struct {
		Token string `json:"access_token"`
	}
	credentials := map[string]string{"username": c.at.User, "password": c.at.Password.Reveal()}
	if _, err := c.send(ctx, http.MethodPost, "/auth/token", credentials, &got); err != nil {
		return fmt.Errorf("log into Airflow as %s (MILLRACE_AIRFLOW_USER, MILLRACE_AIRFLOW_PASSWORD): %w", c.at.User, err)
	}
	c.token = got.Token
	return nil
}

func (c *client) send(ctx context.Context, method, path string, body, answer any) (status int, err error) {
	var text []byte
	if body != nil {
		if text, err = json.Marshal(body); err != nil {
			return 0, fmt.Errorf("write a request to Airflow: %w", err)
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, c.at.URL+path, bytes.NewReader(text))
	if err != nil {
		return 0, fmt.Errorf("write a request to Airflow: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return 0, fmt.Errorf("call Airflow: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	got, err := io.ReadAll(io.LimitReader(response.Body, answerBytes))
	if err != nil {
		return response.StatusCode, fmt.Errorf("read Airflow's answer: %w", err)
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return response.StatusCode, fmt.Errorf("airflow answers %s %s with %s: %.200q", method, request.URL.Path, response.Status, got)
	}
	if answer == nil {
		return response.StatusCode, nil
	}
	if err := json.Unmarshal(got, answer); err != nil {
		return response.StatusCode, fmt.Errorf("read Airflow's answer to %s %s: %w", method, request.URL.Path, err)
	}
	return response.StatusCode, nil
}
