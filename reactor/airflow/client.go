package airflow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"millrace/infra/settings"
)

const (
	// requestTimeout bounds one call. An Airflow on SQLite answers in some 20 ms, one that is parsing DAGs in seconds.
	requestTimeout = 10 * time.Second
	// answerBytes bounds what is read of an answer: a page of events has some 20 KB.
	answerBytes = 1 << 20
	// recentEvents is how far back the last report is looked for: people and tasks may add events of their own to an asset.
	recentEvents = 20
	// assetPage is the most that Airflow lists at once.
	assetPage = 100
)

// client calls the public REST API of one Airflow 3 (/api/v2). It is for one goroutine.
type client struct {
	http  *http.Client
	at    settings.Airflow
	token string
	ids   map[string]int // of assets, by URI
}

func newClient(at settings.Airflow, transport http.RoundTripper) *client {
	return &client{at: at, ids: map[string]int{}, http: &http.Client{
		Transport: transport, Timeout: requestTimeout,
		// A redirect of the log-in would take the password along to wherever it points.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// transport sends what is not encrypted past any proxy: the address is one of this machine or of a container network, and
// the password is in the request.
func transport() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = func(r *http.Request) (*url.URL, error) {
		if r.URL.Scheme == "http" {
			return nil, nil
		}
		return http.ProxyFromEnvironment(r)
	}
	return t
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
	// The pattern finds what only contains it as well. In the order of URIs those come after the one that is meant.
	query := url.Values{"uri_pattern": {uri}, "order_by": {"uri"}, "limit": {strconv.Itoa(assetPage)}}
	if err := c.call(ctx, http.MethodGet, "/api/v2/assets?"+query.Encode(), nil, &found); err != nil {
		return 0, false, err
	}
	for _, a := range found.Assets {
		if a.URI == uri {
			c.ids[uri] = a.ID
			return a.ID, true, nil
		}
	}
	return 0, false, nil
}

// lastSnapshot is the snapshot that the asset's last report tells of, "" when there is none.
func (c *client) lastSnapshot(ctx context.Context, id int) (string, error) {
	var last struct {
		Events []struct {
			Extra map[string]any `json:"extra"`
		} `json:"asset_events"`
	}
	query := url.Values{"asset_id": {strconv.Itoa(id)}, "order_by": {"-timestamp"}, "limit": {strconv.Itoa(recentEvents)}}
	if err := c.call(ctx, http.MethodGet, "/api/v2/assets/events?"+query.Encode(), nil, &last); err != nil {
		return "", err
	}
	for _, e := range last.Events {
		if snapshot, ok := e.Extra["snapshot_id"].(string); ok {
			return snapshot, nil
		}
	}
	return "", nil
}

// report adds an event to the asset.
func (c *client) report(ctx context.Context, id int, extra map[string]any) error {
	return c.call(ctx, http.MethodPost, "/api/v2/assets/events", map[string]any{"asset_id": id, "extra": extra}, nil)
}

// refusal is an answer of Airflow that is no success.
type refusal struct {
	method, path string
	status       int
	detail       string
}

func (r *refusal) Error() string {
	text := fmt.Sprintf("Airflow answers %s %s with %d %s", r.method, r.path, r.status, http.StatusText(r.status))
	if r.detail != "" {
		text += ": " + r.detail
	}
	return text
}

// refused tells whether err is an answer of that status.
func refused(err error, status int) bool {
	var r *refusal
	return errors.As(err, &r) && r.status == status
}

// call makes a call with a token: a new one at first and once the old one has run out, which is after a day by default.
func (c *client) call(ctx context.Context, method, path string, body, answer any) error {
	fresh := c.token == ""
	if fresh {
		if err := c.login(ctx); err != nil {
			return err
		}
	}
	err := c.send(ctx, method, path, body, answer)
	if refused(err, http.StatusUnauthorized) && !fresh {
		if err := c.login(ctx); err != nil {
			return err
		}
		err = c.send(ctx, method, path, body, answer)
	}
	if refused(err, http.StatusNotFound) {
		clear(c.ids) // an Airflow with a new database counts its assets anew
	}
	return err
}

// login gets a token.
func (c *client) login(ctx context.Context) error {
	c.token = ""
	clear(c.ids) // now and then, because an asset may have been taken away and made again
	var got struct {
		Token string `json:"access_token"`
	}
	credentials := map[string]string{"username": c.at.User, "password": c.at.Password.Reveal()}
	if err := c.send(ctx, http.MethodPost, "/auth/token", credentials, &got); err != nil {
		return fmt.Errorf("log into Airflow as %q (MILLRACE_AIRFLOW_USER, MILLRACE_AIRFLOW_PASSWORD): %w", c.at.User, err)
	}
	if got.Token == "" {
		return fmt.Errorf("log into Airflow at %s: its answer holds no token; is MILLRACE_AIRFLOW_URL the address of an Airflow 3?", c.at.URL)
	}
	c.token = got.Token
	return nil
}

// send sends one request with a JSON body, or none, and reads the JSON of the answer into answer, unless that is nil.
func (c *client) send(ctx context.Context, method, path string, body, answer any) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return fmt.Errorf("write a request to Airflow: %w", err)
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, c.at.URL+path, bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("write a request to Airflow: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("call Airflow: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	got, err := io.ReadAll(io.LimitReader(response.Body, answerBytes))
	if err != nil {
		return fmt.Errorf("read Airflow's answer to %s %s: %w", method, request.URL.Path, err)
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return &refusal{method, request.URL.Path, response.StatusCode, detail(got)}
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(got, answer); err != nil {
		return fmt.Errorf("read Airflow's answer to %s %s: %w", method, request.URL.Path, err)
	}
	return nil
}

// detail is Airflow's own sentence about what was wrong. Nothing else of an answer is shown: FastAPI's list of what is
// wrong with a request quotes it, the password of a log-in included.
func detail(answer []byte) string {
	var refused struct {
		Detail json.RawMessage `json:"detail"`
	}
	var text string
	if json.Unmarshal(answer, &refused) != nil || json.Unmarshal(refused.Detail, &text) != nil {
		return ""
	}
	const most = 200
	return text[:min(len(text), most)]
}
