package settings

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
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
