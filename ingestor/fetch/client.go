// Package fetch asks any source for one day, as the recipe in its dataset's file says: requests, pages and pace. It returns bodies
// exactly as they came, and looks only at whether they are what was asked for. Secrets come from the environment by name; they are
// in requests to the source's own host, and nowhere else.
package fetch

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"millrace/infra/settings"
	"millrace/ingestor/recipe"
	"millrace/ingestor/retry"
)

// maxBytes of a body, which is in memory as a whole. An hour of GitHub's public events has half of it.
const maxBytes = 256 << 20

// Config says whom to ask, and how.
type Config struct {
	Recipe *recipe.Recipe
	File   string                   // of the recipe, for errors
	Secret func(name string) string // a secret of the environment, "" for none
	Retry  retry.Retry
	Agent  string
	Log    *slog.Logger
}

// Client asks one source. It may be used by several goroutines, which share its rate.
type Client struct {
	cfg     Config
	http    *http.Client
	calls   *retry.Caller
	secrets map[string]settings.Secret
}

// New checks that the secrets are there.
func New(cfg Config) (*Client, error) {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	c := &Client{cfg: cfg, calls: retry.NewCaller(cfg.Retry, cfg.Recipe.Rate, cfg.Log), secrets: map[string]settings.Secret{}}
	for _, s := range cfg.Recipe.Secrets() {
		value := cfg.Secret(s.Name)
		switch {
		case value == "" && !s.Optional:
			return nil, &Error{Kind: KeyMissing, URL: c.base(), Detail: fmt.Sprintf("%s sends ${%s}, which is not set", cfg.File, s.Name)}
		case strings.ContainsFunc(value, func(c rune) bool { return c <= ' ' || c > '~' }):
			return nil, fmt.Errorf("%s holds a blank or a character that no key has: set it again without quotes or line ends", s.Name)
		case value != "":
			c.secrets[s.Name] = settings.Secret(value)
		}
	}
	if address, err := url.Parse(c.base()); err == nil && address.Scheme == "http" && !loopback(address.Hostname()) && len(c.secrets) > 0 {
		return nil, fmt.Errorf("%s: a secret would travel unencrypted to %s: write https in url", cfg.File, address.Host)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	// Bodies are kept as received, so the transport must not unpack them.
	transport.DisableCompression = true
	c.http = &http.Client{Transport: transport, CheckRedirect: c.redirect}
	return c, nil
}

// base is the address before its first placeholder, for errors that are about no single request.
func (c *Client) base() string {
	address, err := c.cfg.Recipe.Address(recipe.Values{})
	if err != nil {
		return c.cfg.File
	}
	return address.Scheme + "://" + address.Host
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// request is one call: address has no secret, and may be shown.
type request struct {
	address *url.URL
	values  recipe.Values
}

// answer is what came.
type answer struct {
	request
	status   int
	header   http.Header
	body     []byte
	ext      string
	rows     int
	at       time.Time
	duration time.Duration
}

// call asks until there is an answer or another try is of no use.
func (c *Client) call(ctx context.Context, r request) (*answer, error) {
	got, attempts, err := retry.Call(ctx, c.calls, func(ctx context.Context) (*answer, error) { return c.attempt(ctx, r) })
	var failed *Error
	if errors.As(err, &failed) {
		failed.Attempts = attempts
	}
	if err != nil && failed == nil {
		return nil, fmt.Errorf("fetch %s: %w", r.address, err)
	}
	return got, err
}

func (c *Client) attempt(ctx context.Context, r request) (*answer, error) {
	attempt, cancel := context.WithTimeout(ctx, c.cfg.Recipe.Timeout)
	defer cancel()
	sent, err := c.sent(attempt, r)
	if err != nil {
		return nil, err
	}
	started := time.Now()
	response, err := c.http.Do(sent)
	if err != nil {
		return nil, c.noAnswer(ctx, r, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBytes+1))
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	got := &answer{
		request: r, status: response.StatusCode, header: response.Header, body: body, ext: c.cfg.Recipe.Format,
		at: time.Now().UTC(), duration: time.Since(started),
	}
	if failed := c.judge(got, err); failed != nil {
		failed.URL, failed.Status = r.address.String(), got.status
		failed.RetryAfter = retry.After(got.header.Get("Retry-After"), time.Now())
		failed.Detail = c.clean(failed.Detail)
		return nil, failed
	}
	return got, nil
}

// sent is the request with its secrets.
func (c *Client) sent(ctx context.Context, r request) (*http.Request, error) {
	lookup := func(name string) string { return c.secrets[name].Reveal() }
	address := *r.address
	query := address.Query()
	for _, p := range c.cfg.Recipe.Query {
		if !p.Value.Secret() {
			continue // it is part of the address, or a link to the next page has left it out
		}
		if text, ok := p.Value.Reveal(r.values, lookup); ok {
			query.Set(p.Name, text)
		}
	}
	address.RawQuery = query.Encode()
	var body io.Reader
	if text := c.cfg.Recipe.Body.Fill(r.values); text != "" {
		body = strings.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, c.cfg.Recipe.Method, address.String(), body)
	if err != nil {
		return nil, fmt.Errorf("fetch %s: the request cannot be made", r.address) // the error would quote the address with its secrets
	}
	request.Header.Set("Accept", "application/json, */*;q=0.5")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	request.Header.Set("User-Agent", c.cfg.Agent)
	for _, p := range c.cfg.Recipe.Headers {
		if text, ok := p.Value.Reveal(r.values, lookup); ok {
			request.Header.Set(p.Name, text)
		}
	}
	return request, nil
}

// noAnswer tells why there is none.
func (c *Client) noAnswer(ctx context.Context, r request, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	failed := &Error{Kind: Unreachable, URL: r.address.String()}
	var refused *redirected
	var wrapper *url.Error
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &refused):
		failed.Kind, failed.Detail = Redirected, refused.Error()
	case errors.Is(err, context.DeadlineExceeded):
		failed.Detail = fmt.Sprintf("no answer in %s", c.cfg.Recipe.Timeout)
	case errors.As(err, &certificate):
		failed.Kind, failed.Detail = Untrusted, certificate.Error()
	case errors.Is(err, syscall.ECONNREFUSED) && loopback(r.address.Hostname()):
		failed.Kind = NotRunning
	case errors.As(err, &wrapper):
		failed.Detail = wrapper.Err.Error() // the wrapper would repeat the address, with its secrets
	default:
		failed.Detail = err.Error()
	}
	failed.Detail = c.clean(failed.Detail)
	return failed
}
