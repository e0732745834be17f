// Package coincap calls CoinCap's API, version 3, and has a simulator of it. The client returns bodies exactly as it received
// them. It checks only that they are what the endpoint answers; what they mean is the reactor's business.
package coincap

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
	"millrace/ingestor/retry"
	"millrace/ingestor/source"
)

// DefaultBaseURL is the public API.
const DefaultBaseURL = "https://rest.coincap.io/v3"

// SyntheticHeader marks the simulator's made-up answers.
const SyntheticHeader = "X-Millrace-Synthetic"

// Config says how to call the API. The zero value calls the public one, which then asks for a key.
type Config struct {
	BaseURL  string          // default DefaultBaseURL
	Key      settings.Secret // sent as a bearer token, and nowhere else
	Rate     int             // calls a minute; default 600, which every plan has, and no limit for a server on this machine; negative is no limit
	MaxBytes int64           // of a body; default 32 MiB, twenty times the largest page
	Timeout  time.Duration   // of one attempt; default 30 s
	Retry    retry.Retry
	Agent    string // User-Agent; default millrace
	Log      *slog.Logger
}

// Client calls the API. It may be used by several goroutines, which share its rate limit.
type Client struct {
	cfg   Config
	base  *url.URL
	http  *http.Client
	calls *retry.Caller
}

// New checks the configuration and returns a client.
func New(cfg Config) (*Client, error) {
	if cfg.BaseURL == "" {
		cfg.BaseURL = DefaultBaseURL
	}
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = 32 << 20
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 30 * time.Second
	}
	if cfg.Agent == "" {
		cfg.Agent = "millrace"
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	base, err := parseBase(cfg.BaseURL, cfg.Key)
	if err != nil {
		return nil, err
	}
	if cfg.Rate == 0 {
		cfg.Rate = 600
		if loopback(base.Hostname()) {
			cfg.Rate = -1
		}
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	// Bodies are kept as received, so the transport must not unpack them.
	transport.DisableCompression = true
	transport.MaxIdleConnsPerHost = 32
	return &Client{
		cfg:  cfg,
		base: base,
		http: &http.Client{
			Transport: transport,
			// A redirect would carry the key to wherever it points.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		calls: retry.NewCaller(cfg.Retry, cfg.Rate, cfg.Log),
	}, nil
}

func parseBase(text string, key settings.Secret) (*url.URL, error) {
	base, err := url.Parse(strings.TrimRight(text, "/"))
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return nil, fmt.Errorf("the API's address (COINCAP_BASE_URL) must look like %s", DefaultBaseURL)
	}
	if base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, fmt.Errorf("the API's address (COINCAP_BASE_URL) must hold no user and no query: the key belongs in COINCAP_API_KEY")
	}
	if key == "" && base.String() == DefaultBaseURL {
		return nil, &Error{Kind: KeyMissing, URL: base.String()}
	}
	if key != "" && base.Scheme == "http" && !loopback(base.Hostname()) {
		return nil, fmt.Errorf("the key would travel unencrypted to %s: use https in COINCAP_BASE_URL, or unset COINCAP_API_KEY", base.Host)
	}
	for _, c := range key.Reveal() {
		if c <= ' ' || c > '~' {
			return nil, fmt.Errorf("COINCAP_API_KEY holds a blank or a character that no key has: set it again without quotes or line ends")
		}
	}
	return base, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// Response is one answer of the API, and what it says of itself.
type Response struct {
	source.Response
	Envelope Envelope
}

// list calls an endpoint that answers with a list, again and again until it does or another try is of no use.
func (c *Client) list(ctx context.Context, path string, query url.Values) (*Response, error) {
	address := c.base.JoinPath(path)
	address.RawQuery = query.Encode()
	response, attempts, err := retry.Call(ctx, c.calls, func(ctx context.Context) (*Response, error) { return c.attempt(ctx, address) })
	var failed *Error
	if errors.As(err, &failed) {
		failed.Attempts = attempts
	}
	if err != nil && failed == nil {
		return nil, fmt.Errorf("fetch %s: %w", address, err)
	}
	return response, err
}

func (c *Client) attempt(ctx context.Context, address *url.URL) (*Response, error) {
	attempt, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(attempt, http.MethodGet, address.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("fetch %s: %w", address, err)
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", c.cfg.Agent)
	if c.cfg.Key != "" {
		request.Header.Set("Authorization", "Bearer "+c.cfg.Key.Reveal())
	}
	started := time.Now()
	answer, err := c.http.Do(request)
	if err != nil {
		return nil, c.noAnswer(ctx, address, err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(answer.Body, c.cfg.MaxBytes+1))
	response := &Response{Response: source.Response{
		URL: address.String(), Status: answer.StatusCode, Body: body,
		FetchedAt: time.Now().UTC(), Duration: time.Since(started), Credits: Credits(len(body)),
		Synthetic: answer.Header.Get(SyntheticHeader) == "true",
	}}
	failed := judge(answer.StatusCode, body, err, c.cfg.MaxBytes, &response.Envelope)
	if failed == nil {
		response.Items = response.Envelope.Items
		return response, nil
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	failed.URL, failed.Status = address.String(), answer.StatusCode
	failed.RetryAfter = retry.After(answer.Header.Get("Retry-After"), time.Now())
	return nil, failed
}

func (c *Client) noAnswer(ctx context.Context, address *url.URL, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var wrapper *url.Error
	if errors.As(err, &wrapper) {
		err = wrapper.Err // it would repeat the address
	}
	failed := &Error{Kind: Unreachable, URL: address.String(), Err: err}
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		failed.Kind = Untrusted
	}
	if errors.Is(err, syscall.ECONNREFUSED) && loopback(address.Hostname()) {
		failed.Kind = NotRunning
	}
	if errors.Is(err, context.DeadlineExceeded) {
		failed.Err, failed.Detail = nil, fmt.Sprintf("no answer in %s", c.cfg.Timeout)
	}
	return failed
}

// judge decides what an answer is worth: nil for a list and for "no data". It reads no clock and no network.
func judge(status int, body []byte, readErr error, maxBytes int64, envelope *Envelope) *Error {
	switch {
	case int64(len(body)) > maxBytes:
		return &Error{Kind: TooLarge, Detail: fmt.Sprintf("more than %d bytes", maxBytes)}
	case readErr != nil && status == http.StatusOK:
		return &Error{Kind: Truncated, Detail: fmt.Sprintf("the body ends after %d bytes", len(body)), Err: readErr}
	case status == http.StatusOK:
		var err error
		*envelope, err = ReadEnvelope(body)
		var failed *Error
		if errors.As(err, &failed) {
			return failed
		}
		return nil
	case status == http.StatusNotFound:
		return nil
	}
	failed := &Error{Kind: statusKind(status), Detail: shorten(body)}
	// v2 answers with a 429 since its end. No waiting helps against that one.
	var farewell *Error
	if _, err := ReadEnvelope(body); errors.As(err, &farewell) && farewell.Kind == Farewell {
		failed.Kind, failed.Detail = Farewell, farewell.Detail
	}
	return failed
}

func statusKind(status int) Kind {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return KeyRefused
	case status == http.StatusPaymentRequired:
		return CreditsUsed
	case status == http.StatusTooManyRequests:
		return RateLimited
	case status == http.StatusBadRequest:
		return BadRequest
	case status >= 500, status == http.StatusRequestTimeout:
		return ServerError
	}
	return Unexpected
}
