package postgres

import (
	"context"
	"log"
	"os"
	"testing"
)

// New starts a server that ends with the test.
func New(t testing.TB) *Server {
	t.Helper()
	s, err := Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Main runs the tests of a package with one server that all of them share, and ends the program. The databases that its tests run on get
// one more kind.
func Main(m *testing.M, databases map[string]func(testing.TB) string) {
	s, err := Start(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	databases["PostgreSQL"] = s.Database
	code := m.Run()
	if err := s.Stop(); err != nil {
		log.Fatal(err)
	}
	os.Exit(code)
}
