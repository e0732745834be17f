package security_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"millrace/infra/process"
	"millrace/tests/harness"
	"millrace/tests/harness/home"
)

// authority is a throw-away certificate authority.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

func newAuthority(t *testing.T, dir string) authority {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "throw-away authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	a := authority{key: key, file: filepath.Join(dir, "ca.pem")}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	writePEM(t, a.file, "CERTIFICATE", der)
	return a
}

// issue writes public.crt and private.key into dir, as MinIO wants them; a certificate for 127.0.0.1, or for another host.
func (a authority) issue(t *testing.T, dir string, ip net.IP) (crt, key string) {
	t.Helper()
	private := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "millrace test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{ip}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &private.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	crt, key = filepath.Join(dir, "public.crt"), filepath.Join(dir, "private.key")
	writePEM(t, crt, "CERTIFICATE", der)
	writePEM(t, key, "EC PRIVATE KEY", text)
	return crt, key
}

// broker starts a nats-server that talks TLS and nothing else.
func broker(t *testing.T, crt, key string) (address string) {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(crt, key)
	if err != nil {
		t.Fatal(err)
	}
	ns, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
		Username: "user", Password: natsPassword, TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, TLSTimeout: 5,
	})
	if err != nil {
		t.Fatal(err)
	}
	ns.Start()
	t.Cleanup(func() { ns.Shutdown(); ns.WaitForShutdown() })
	if !ns.ReadyForConnections(30 * time.Second) {
		t.Fatal("nats-server does not accept connections")
	}
	return ns.Addr().String()
}

// with adds variables to an environment. Of one name the last counts.
func with(env []string, more ...string) []string { return slices.Concat(env, more) }

const natsPassword, rootPassword = "the-password-of-nats", "the-password-of-root"

// secureMinIO starts a MinIO that talks TLS to clients and to the broker.
func secureMinIO(t *testing.T, certs, ca, broker string) (endpoint string) {
	t.Helper()
	address := harness.FreeAddress(t)
	cmd := exec.Command(harness.MinIO(t), "server", "--quiet", "--address", address, "--certs-dir", certs, t.TempDir())
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "MINIO_ROOT_USER=root-user", "MINIO_ROOT_PASSWORD=" + rootPassword, "MINIO_BROWSER=off", "MINIO_UPDATE=off",
		"MINIO_API_SYNC_EVENTS=on", "MINIO_SYNC_BOOT=on"}
	for _, id := range []string{"FAST", "SAFE"} {
		for name, value := range map[string]string{
			"ENABLE": "on", "ADDRESS": broker, "SUBJECT": "lake.raw." + strings.ToLower(id), "JETSTREAM": "on", "USERNAME": "user", "PASSWORD": natsPassword,
			"TLS": "on", "CERT_AUTHORITY": ca,
		} {
			cmd.Env = append(cmd.Env, "MINIO_NOTIFY_NATS_"+name+"_"+id+"="+value)
		}
	}
	cmd.Env = append(cmd.Env, "MINIO_NOTIFY_NATS_QUEUE_DIR_SAFE="+t.TempDir())
	cmd.SysProcAttr = process.Attributes()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return "https://" + address
}

// An object goes from the ingestor's put to gold while S3 and NATS show certificates of an authority that only the setting names.
func TestTheWholeWayWorksOverTLS(t *testing.T) {
	dir := t.TempDir()
	ca := newAuthority(t, dir)
	crt, key := ca.issue(t, filepath.Join(dir, "certs"), net.IPv4(127, 0, 0, 1))
	address := broker(t, crt, key)
	endpoint := secureMinIO(t, filepath.Dir(crt), ca.file, address)
	dataHome := t.TempDir()
	env := append(home.CleanEnvironment(), "MILLRACE_HOME="+dataHome, "MILLRACE_S3_ENDPOINT="+endpoint, "MILLRACE_NATS_URL=tls://user:"+natsPassword+"@"+address)
	root := with(env, "MILLRACE_S3_ACCESS_KEY=root-user", "MILLRACE_S3_SECRET_KEY="+rootPassword, "MILLRACE_CA_FILE="+ca.file)
	for _, user := range []string{"OWNER", "INGESTOR", "REACTOR", "ANALYST", "REPORTER"} {
		root = append(root, "MILLRACE_"+user+"_SECRET_KEY=secret-of-"+strings.ToLower(user))
	}
	if r := harness.RunProgram(t, root, "stack", "provision"); r.Code != 0 {
		t.Fatalf("provision: %s", r)
	}
	role := func(name string) []string {
		return with(env, "MILLRACE_S3_ACCESS_KEY="+name, "MILLRACE_S3_SECRET_KEY=secret-of-"+name, "MILLRACE_CA_FILE="+ca.file)
	}
	simulator := harness.FreeAddress(t)
	harness.Launch(t, env, "ingestor", "simulate", "--listen", simulator)
	harness.Eventually(t, "the simulator answers", func() bool {
		conn, err := net.Dial("tcp", simulator)
		return err == nil && conn.Close() == nil
	})
	reactor := harness.Launch(t, with(role("reactor"), "MILLRACE_HTTP_ADDR=127.0.0.1:0", "MILLRACE_TLS_CERT="+crt, "MILLRACE_TLS_KEY="+key), "reactor", "run")
	r := harness.RunProgram(t, with(role("ingestor"), "COINCAP_BASE_URL=http://"+simulator+"/v3"), "ingestor", "snapshot", "--output", "json")
	var landed []struct{ Key string }
	if err := json.Unmarshal([]byte(r.Stdout), &landed); err != nil || len(landed) != 1 {
		t.Fatalf("snapshot: %v %s", err, r)
	}
	if r := harness.RunProgram(t, role("reactor"), "reactor", "wait", "--key", landed[0].Key); r.Code != 0 {
		t.Fatalf("wait: %s\n%s", r, reactor.Stderr())
	}
	r = harness.RunProgram(t, role("analyst"), "reactor", "query", "--output", "csv", "select count(*) as n from gold.rankings")
	if r.Code != 0 || r.Stdout != "n\n20\n" {
		t.Errorf("gold by TLS: %s", r)
	}
	surfaceByTLS(t, home.Dir(dataHome), ca)
	distrust(t, role("reactor"), endpoint, landed[0].Key)
	// A client uses TLS also with an address that does not say so, when the server asks for it.
	if r := harness.RunProgram(t, with(role("reactor"), "MILLRACE_NATS_URL=nats://user:"+natsPassword+"@"+address), "reactor", "dlq", "list"); r.Code != 0 {
		t.Errorf("nats:// to a server with TLS: %s", r)
	}
}

// surfaceByTLS asks the reactor's own address, which shows a certificate of that authority and takes no token in the clear.
func surfaceByTLS(t *testing.T, d home.Dir, ca authority) {
	t.Helper()
	address, err := d.HTTP()
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	ask := func(scheme string, trusted *x509.CertPool) (int, error) {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}}}
		defer client.CloseIdleConnections()
		response, err := client.Get(scheme + "://" + address + "/readyz")
		if err != nil {
			return 0, err
		}
		return response.StatusCode, response.Body.Close()
	}
	if code, err := ask("https", pool); code != http.StatusOK || err != nil {
		t.Errorf("the reactor by TLS: %d, %v", code, err)
	}
	if code, err := ask("https", x509.NewCertPool()); err == nil {
		t.Errorf("the reactor's certificate is trusted by everybody: %d", code)
	}
	if code, err := ask("http", nil); err == nil && code == http.StatusOK {
		t.Error("the reactor answers plain HTTP beside TLS")
	}
}

// distrust proves that what is not to be trusted is not trusted, and that the error says what to do. env is an environment that works.
func distrust(t *testing.T, env []string, endpoint, key string) {
	t.Helper()
	other := newAuthority(t, t.TempDir())
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.pem")
	if err := os.WriteFile(broken, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ what, setting, command, say string }{
		{"S3 without the authority", "MILLRACE_CA_FILE=", "wait --key " + key, "certificate"},
		{"S3 with another authority", "MILLRACE_CA_FILE=" + other.file, "wait --key " + key, "certificate"},
		{"NATS without the authority", "MILLRACE_CA_FILE=", "dlq list", "MILLRACE_CA_FILE"},
		{"NATS with another authority", "MILLRACE_CA_FILE=" + other.file, "dlq list", "MILLRACE_CA_FILE"},
		{"no certificate in the file", "MILLRACE_CA_FILE=" + broken, "tables", "holds no certificate"},
		{"no such file", "MILLRACE_CA_FILE=" + dir + "/absent.pem", "dlq list", "no such file"},
		{"plain HTTP to a TLS port", "MILLRACE_S3_ENDPOINT=" + strings.Replace(endpoint, "https", "http", 1), "wait --timeout 5s --key " + key, ""},
	} {
		began := time.Now()
		r := harness.RunProgram(t, with(env, tt.setting), "reactor", strings.Fields(tt.command)...)
		if r.Code != 1 || !strings.Contains(r.Stderr, tt.say) || strings.Contains(r.String(), natsPassword) {
			t.Errorf("%s (%v): %s", tt.what, time.Since(began), r)
		}
	}
}

// A certificate for another address is as bad as none.
func TestACertificateOfAnotherHostIsRefused(t *testing.T) {
	dir := t.TempDir()
	ca := newAuthority(t, dir)
	crt, key := ca.issue(t, filepath.Join(dir, "certs"), net.IPv4(192, 0, 2, 1))
	address := broker(t, crt, key)
	env := append(home.CleanEnvironment(), "MILLRACE_HOME="+dir, "MILLRACE_NATS_URL=tls://user:"+natsPassword+"@"+address, "MILLRACE_CA_FILE="+ca.file)
	r := harness.RunProgram(t, env, "reactor", "dlq", "list")
	if r.Code != 1 || !strings.Contains(r.Stderr, "certificate") || strings.Contains(r.String(), natsPassword) {
		t.Errorf("a certificate for 192.0.2.1: %s", r)
	}
}
