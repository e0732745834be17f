package settings

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// S3 is the object store that holds bronze, silver and gold.
type S3 struct {
	Endpoint  string `name:"s3-endpoint" env:"MILLRACE_S3_ENDPOINT" placeholder:"URL" help:"S3 endpoint, such as http://127.0.0.1:9000; https means TLS."`
	AccessKey string `name:"s3-access-key" env:"MILLRACE_S3_ACCESS_KEY" placeholder:"ID" help:"S3 access key."`
	SecretKey Secret `name:"s3-secret-key" env:"MILLRACE_S3_SECRET_KEY" placeholder:"SECRET" help:"S3 secret key; better given by the environment, because other users see flags."`
	Bucket    string `name:"bucket" env:"MILLRACE_BUCKET" default:"lakehouse" help:"Bucket of the lakehouse."`
	Region    string `name:"s3-region" env:"MILLRACE_S3_REGION" default:"us-east-1" help:"S3 region."`
	S3CAFile  string `name:"s3-ca-file" env:"MILLRACE_S3_CA_FILE,MILLRACE_CA_FILE" placeholder:"FILE" help:"PEM file of the authority that signed the S3 server's certificate, when the system does not know it."`
}

// Client checks the settings and returns a client. It does not connect: the client's first call does.
func (s S3) Client() (*minio.Client, error) { return s.CountedClient(nil) }

// CountedClient returns a Client that counts in unanswered its requests without an answer; nil counts nothing.
func (s S3) CountedClient(unanswered *atomic.Uint64) (*minio.Client, error) {
	host, secure, err := s.host()
	if err != nil {
		return nil, err
	}
	if s.AccessKey == "" || s.SecretKey == "" {
		return nil, fmt.Errorf("no S3 credentials (MILLRACE_S3_ACCESS_KEY, MILLRACE_S3_SECRET_KEY): %s", startHint)
	}
	transport, err := s.Transport()
	if err != nil {
		return nil, err
	}
	// The region is always sent: to look it up takes a permission that the ingestor does not have.
	// Trailing checksums stay off: they turn each small put into a chunked upload.
	client, err := minio.New(host, &minio.Options{
		Creds:     credentials.NewStaticV4(s.AccessKey, s.SecretKey.Reveal(), ""),
		Secure:    secure,
		Region:    s.region(),
		Transport: counting{transport, unanswered},
	})
	if err != nil {
		return nil, fmt.Errorf("set up the S3 client for %s: %w", host, err)
	}
	return client, nil
}

// counting counts the requests without an answer: the client sends most of them again, and nobody else would hear of them. It does
// not count a request that its caller gave up.
type counting struct {
	http.RoundTripper
	unanswered *atomic.Uint64
}

func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := c.RoundTripper.RoundTrip(r)
	if err != nil && c.unanswered != nil && r.Context().Err() == nil {
		c.unanswered.Add(1)
	}
	return answer, NoAnswer("the object store", err)
}

func (s S3) host() (host string, secure bool, err error) {
	if s.Endpoint == "" {
		return "", false, fmt.Errorf("no S3 endpoint (--s3-endpoint, MILLRACE_S3_ENDPOINT): %s", startHint)
	}
	u, err := url.Parse(s.Endpoint)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		return "", false, fmt.Errorf("the S3 endpoint %q is not an address such as http://127.0.0.1:9000", s.Endpoint)
	case u.User != nil:
		return "", false, fmt.Errorf("the S3 endpoint holds a user: credentials belong in MILLRACE_S3_ACCESS_KEY and MILLRACE_S3_SECRET_KEY")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return "", false, fmt.Errorf("the S3 endpoint %q must end after host and port; the bucket is given by MILLRACE_BUCKET", s.Endpoint)
	}
	return u.Host, u.Scheme == "https", nil
}

func (s S3) region() string {
	if s.Region == "" {
		return "us-east-1"
	}
	return s.Region
}

// Transport returns a transport that trusts the authorities of the system and that of S3CAFile. It keeps as many idle
// connections as the reactor has requests in flight: with Go's default, two a host, a burst of small objects spends its time in
// connecting. Compression is off, because objects are kept as received.
func (s S3) Transport() (*http.Transport, error) {
	tls, err := tlsConfig(s.S3CAFile, "MILLRACE_S3_CA_FILE")
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		TLSClientConfig:       tls,
		DialContext:           dialer.DialContext,
		MaxIdleConns:          512,
		MaxIdleConnsPerHost:   256,
		IdleConnTimeout:       time.Minute,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: 10 * time.Second,
		ResponseHeaderTimeout: time.Minute,
		DisableCompression:    true,
		WriteBufferSize:       64 << 10,
		ReadBufferSize:        64 << 10,
	}, nil
}
