// Package airflow calls the public REST API of an Airflow 3 (/api/v2): its health, pools, Assets and their events. It is the
// one client of the project: the reactor reports gold's commits with it, and the local stack prepares its own Airflow.
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
	"sync"
	"time"

	"millrace/infra/settings"
)

const (
	// requestTimeout bounds one call. An Airflow on SQLite answers in some 20 ms, one that is parsing DAGs in seconds.
	requestTimeout = 10 * time.Second
	// answerBytes bounds what is read of an answer: a page of events has some 20 KB.
	answerBytes = 1 << 20
)

// Client calls one Airflow. It logs in by itself, and again when its token has run out. It may be used by several goroutines.
type Client struct {
	http *http.Client
	at   settings.Airflow

	mu    sync.Mutex
	token string
	ids   map[string]int // of assets, by URI
}

// New returns a client of the Airflow at a place that settings.Airflow's Find has found.
func New(at settings.Airflow) *Client {
	return &Client{at: at, ids: map[string]int{}, http: &http.Client{
		Transport: transport, Timeout: requestTimeout,
		// A redirect of the log-in would take the password along to wherever it points.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// WithTimeout bounds each of the client's calls by d in place of ten seconds, and returns the client. Call it before the first
// call.
func (c *Client) WithTimeout(d time.Duration) *Client {
	c.http.Timeout = d
	return c
}

// transport sends what is not encrypted past any proxy: the address is one of this machine or of a container network, and
// the password is in the request. All clients share it, and so its connections.
var transport = func() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = func(r *http.Request) (*url.URL, error) {
		if r.URL.Scheme == "http" {
			return nil, nil
		}
		return http.ProxyFromEnvironment(r)
	}
	return t
}()

// At is where the client's Airflow is.
func (c *Client) At() settings.Airflow { return c.at }

// LoggedIn reports whether the last log-in has succeeded.
func (c *Client) LoggedIn() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.token != ""
}

// Refusal is an answer of Airflow that is no success.
type Refusal struct {
	Method, Path string
	Status       int
	Detail       string // Airflow's own sentence, if it sent one
}

func (r *Refusal) Error() string {
	text := fmt.Sprintf("Airflow answers %s %s with %d %s", r.Method, r.Path, r.Status, http.StatusText(r.Status))
	if r.Detail != "" {
		text += ": " + r.Detail
	}
	return text
}

// Refused reports whether err is an answer of that status.
func Refused(err error, status int) bool {
	var r *Refusal
	return errors.As(err, &r) && r.Status == status
}

// Call makes a call as the user: with a JSON body, or none when body is nil, and reads the JSON of the answer into answer,
// unless that is nil. The first call logs in, and so does one whose token has run out, which is after a day by default.
func (c *Client) Call(ctx context.Context, method, path string, body, answer any) error {
	c.mu.Lock()
	token := c.token
	c.mu.Unlock()
	fresh := token == ""
	if fresh {
		var err error
		if token, err = c.login(ctx); err != nil {
			return err
		}
	}
	r := request{method, path, token, body, answer}
	err := c.send(ctx, r)
	if Refused(err, http.StatusUnauthorized) && !fresh {
		if r.token, err = c.login(ctx); err != nil {
			return err
		}
		err = c.send(ctx, r)
	}
	if Refused(err, http.StatusNotFound) {
		c.forgetIDs() // an Airflow with a new database counts its assets anew
	}
	return err
}

// login gets a token. It forgets the assets' ids, because an asset may have been taken away and made again.
func (c *Client) login(ctx context.Context) (string, error) {
	var got struct {
		Token string `json:"access_token"`
	}
	c.forgetIDs()
	c.setToken("")
	credentials := map[string]string{"username": c.at.User, "password": c.at.Password.Reveal()}
	if err := c.send(ctx, request{http.MethodPost, "/auth/token", "", credentials, &got}); err != nil {
		return "", fmt.Errorf("log into Airflow as %q (MILLRACE_AIRFLOW_USER, MILLRACE_AIRFLOW_PASSWORD): %w", c.at.User, err)
	}
	if got.Token == "" {
		return "", fmt.Errorf("log into Airflow at %s: its answer holds no token; is MILLRACE_AIRFLOW_URL the address of an Airflow 3?", c.at.URL)
	}
	c.setToken(got.Token)
	return got.Token, nil
}

func (c *Client) setToken(token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token = token
}

func (c *Client) forgetIDs() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.ids)
}

// request is one request; an empty token sends none.
type request struct {
	method, path, token string
	body, answer        any
}

// send sends one request.
func (c *Client) send(ctx context.Context, r request) error {
	var text []byte
	if r.body != nil {
		var err error
		if text, err = json.Marshal(r.body); err != nil {
			return fmt.Errorf("write a request to Airflow: %w", err)
		}
	}
	sent, err := http.NewRequestWithContext(ctx, r.method, c.at.URL+r.path, bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("write a request to Airflow: %w", err)
	}
	sent.Header.Set("Content-Type", "application/json")
	if r.token != "" {
		sent.Header.Set("Authorization", "Bearer "+r.token)
	}
	response, err := c.http.Do(sent)
	if err != nil {
		return fmt.Errorf("call Airflow: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	got, err := io.ReadAll(io.LimitReader(response.Body, answerBytes))
	if err != nil {
		return fmt.Errorf("read Airflow's answer to %s %s: %w", r.method, sent.URL.Path, err)
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return &Refusal{r.method, sent.URL.Path, response.StatusCode, detail(got)}
	}
	if r.answer == nil {
		return nil
	}
	if err := json.Unmarshal(got, r.answer); err != nil {
		return fmt.Errorf("read Airflow's answer to %s %s: %w", r.method, sent.URL.Path, err)
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
