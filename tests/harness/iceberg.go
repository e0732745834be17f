package harness

import (
	"net/http"
	"testing"
)

// Iceberg is an Iceberg REST catalog that a test runs beside the reactor's.
type Iceberg struct {
	*Process
	URI   string
	Token string // the owner's
}

// StartIceberg runs `reactor catalog` on the lake and returns when it is ready.
func (l *Lake) StartIceberg(t testing.TB, env []string, args ...string) *Iceberg {
	t.Helper()
	address := FreeAddress(t)
	c := &Iceberg{URI: "http://" + address + "/iceberg", Token: "the-owner-of-a-test"}
	env = append(append(l.Env(t, "reactor"), "MILLRACE_HTTP_ADDR="+address, "MILLRACE_OWNER_TOKEN="+c.Token), env...)
	c.Process = Launch(t, env, "reactor", append([]string{"catalog"}, args...)...)
	Eventually(t, "the catalog is ready", func() bool {
		if c.Ended() {
			t.Fatalf("the catalog ended before it was ready: %s", c.result())
		}
		response, err := http.Get("http://" + address + "/readyz")
		if err != nil {
			return false
		}
		defer func() { _ = response.Body.Close() }()
		return response.StatusCode == http.StatusOK
	})
	return c
}
