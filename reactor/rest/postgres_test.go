//go:build postgres

package rest_test

import (
	"context"
	"log"
	"os"
	"testing"

	"millrace/tests/postgres"
)

// TestMain lets all tests of the package share one server.
func TestMain(m *testing.M) {
	server, err := postgres.Start(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	databases["PostgreSQL"] = server.Database
	code := m.Run()
	if err := server.Stop(); err != nil {
		log.Fatal(err)
	}
	os.Exit(code)
}
