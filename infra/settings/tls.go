package settings

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

// tlsConfig returns a configuration that trusts the system's authorities and the one in file, unless that is empty. There is
// no setting that trusts every server.
func tlsConfig(file, variable string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if file == "" {
		return config, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the certificate of the authority (%s, MILLRACE_CA_FILE): %w", variable, err)
	}
	if config.RootCAs, err = x509.SystemCertPool(); err != nil {
		config.RootCAs = x509.NewCertPool()
	}
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s (%s, MILLRACE_CA_FILE) holds no certificate in PEM form, -----BEGIN CERTIFICATE-----", file, variable)
	}
	return config, nil
}

// TLS are the files by which a server of millrace's own speaks TLS; with neither it speaks plain HTTP.
type TLS struct {
	Cert string `name:"tls-cert" env:"MILLRACE_TLS_CERT" placeholder:"FILE" help:"PEM file of the HTTP address's certificate, and of those up to its authority; with --tls-key the address is https."`
	Key  string `name:"tls-key" env:"MILLRACE_TLS_KEY" placeholder:"FILE" help:"PEM file of the certificate's key."`
}

// Scheme is that of the address's URL: https with files, http without.
func (t TLS) Scheme() string {
	if t.Cert == "" {
		return "http"
	}
	return "https"
}

// Listener returns a listener that speaks TLS over l, or l itself when there are no files. They are read again when they change:
// certificates are replaced every few weeks, and nobody wants to start a reactor anew for it.
func (t TLS) Listener(l net.Listener) (net.Listener, error) {
	config, err := t.Config("http/1.1")
	if err != nil {
		return nil, err
	}
	if config == nil {
		return l, nil
	}
	return tls.NewListener(l, config), nil
}

// Config is what a server of these protocols speaks TLS with, nil when there are no files.
func (t TLS) Config(protocols ...string) (*tls.Config, error) {
	switch {
	case t.Cert == "" && t.Key == "":
		return nil, nil
	case t.Cert == "" || t.Key == "":
		return nil, errors.New("TLS needs a certificate and its key: give both --tls-cert and --tls-key (MILLRACE_TLS_CERT, MILLRACE_TLS_KEY)")
	}
	pair := &certificate{files: t}
	if _, err := pair.current(nil); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: protocols, GetCertificate: pair.current}, nil
}

// certificate is a pair of files as they were read last.
type certificate struct {
	files TLS

	mu   sync.Mutex
	read time.Time // when the certificate's file was written that pair is of
	pair *tls.Certificate
}

// current returns the certificate as the files have it. One that cannot be read, because it is being replaced for instance,
// leaves the one before in place.
func (c *certificate) current(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	info, err := os.Stat(c.files.Cert)
	if err == nil && c.pair != nil && info.ModTime().Equal(c.read) {
		return c.pair, nil
	}
	var pair tls.Certificate
	if err == nil {
		pair, err = tls.LoadX509KeyPair(c.files.Cert, c.files.Key)
	}
	switch {
	case err == nil:
		c.read, c.pair = info.ModTime(), &pair
	case c.pair == nil:
		return nil, fmt.Errorf("read the certificate of the HTTP address (--tls-cert, --tls-key): %w", err)
	}
	return c.pair, nil
}
