package settings

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// issue writes a certificate for 127.0.0.1 that signs itself, and its key.
func issue(t *testing.T, files TLS, serial int64) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{files.Key: {Type: "EC PRIVATE KEY", Bytes: private}, files.Cert: {Type: "CERTIFICATE", Bytes: der}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// A file system may keep times coarsely: two certificates of one test must not seem to be one.
	if err := os.Chtimes(files.Cert, time.Time{}, time.Now().Add(time.Duration(serial)*time.Second)); err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

// serving answers over the listener that the files make.
func serving(t *testing.T, files TLS) net.Listener {
	t.Helper()
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l, err := files.Listener(plain)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "hello") })}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return l
}

func TestAnAddressWithACertificateSpeaksTLSOnly(t *testing.T) {
	dir := t.TempDir()
	files := TLS{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	first := issue(t, files, 1)
	l := serving(t, files)
	shown := func(trusted *x509.Certificate) (serial int64, err error) {
		pool := x509.NewCertPool()
		pool.AddCert(trusted)
		conn, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12})
		if err != nil {
			return 0, err
		}
		defer func() { _ = conn.Close() }()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64(), nil
	}
	if serial, err := shown(first); serial != 1 || err != nil {
		t.Errorf("the first certificate: %d, %v", serial, err)
	}
	response, err := http.Get("http://" + l.Addr().String())
	if err == nil {
		_ = response.Body.Close()
		if response.StatusCode == http.StatusOK {
			t.Error("it answers plain HTTP")
		}
	}
	if _, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("it speaks TLS 1.1")
	}
	second := issue(t, files, 2)
	if serial, err := shown(second); serial != 2 || err != nil {
		t.Errorf("the certificate was replaced, and %d is shown, %v", serial, err)
	}
	if err := os.WriteFile(files.Cert, []byte("half a certi"), 0o600); err != nil {
		t.Fatal(err)
	}
	if serial, err := shown(second); serial != 2 || err != nil {
		t.Errorf("the certificate is being written, and %d is shown, %v", serial, err)
	}
}

func TestAnAddressWithoutACertificateSpeaksPlainHTTP(t *testing.T) {
	response, err := http.Get("http://" + serving(t, TLS{}).Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("%s, %v", response.Status, err)
	}
}

func TestHalfACertificateEndsTheStart(t *testing.T) {
	dir := t.TempDir()
	files := TLS{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	issue(t, files, 1)
	for _, tt := range []struct {
		files TLS
		want  string
	}{
		{TLS{Cert: files.Cert}, "give both"},
		{TLS{Key: files.Key}, "give both"},
		{TLS{Cert: files.Cert, Key: files.Cert}, "--tls-cert"},
		{TLS{Cert: filepath.Join(dir, "absent"), Key: files.Key}, "no such file"},
	} {
		_, err := tt.files.Listener(nil)
		checkError(t, err, tt.want)
	}
}
