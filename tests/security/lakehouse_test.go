// Package security_test tries what must not work: what each user may not do, what SQL may not reach, what the HTTP surface
// may not take, and looks for every secret of a run in all that the run has said. One stack serves all of it.
package security_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"millrace/tests/stack"
)

const assetsFolder = "bronze/coincap/assets/ingest_date=2026-01-02/"

func assets(at time.Time, id string) []byte {
	return fmt.Appendf(nil, `{"timestamp":%d,"data":[{"id":%q,"rank":"1","symbol":"X","name":"X","supply":"1","maxSupply":null,"marketCapUsd":"1","volumeUsd24Hr":"1","priceUsd":"1","changePercent24Hr":"1","vwap24Hr":null}]}`, at.UnixMilli(), id)
}

// coincapKey is the key of an API that is a secret as well.
const coincapKey = "the-key-of-coincap-0123456789"

func TestALakehouse(t *testing.T) {
	s := stack.Start(t, stack.WithEnv(append(bombLimits, "COINCAP_API_KEY="+coincapKey)...))
	first := assetsFolder + "first.json"
	s.Put(t, first, assets(time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC), "bitcoin"), nil)
	s.Wait(t, first)
	t.Run("each S3 user may do its job and no more", func(t *testing.T) { s3Users(t, s) })
	t.Run("each NATS user may do its job and no more", func(t *testing.T) { natsUsers(t, s) })
	t.Run("queries see the tables and nothing else", func(t *testing.T) { queries(t, s) })
	t.Run("models see the tables and nothing else", func(t *testing.T) { models(t, s) })
	t.Run("the HTTP surface is for this machine", func(t *testing.T) { surface(t, s) })
	t.Run("bombs burst nothing", func(t *testing.T) { bombs(t, s) })
	t.Run("secrets are where they belong", func(t *testing.T) { secrets(t, s) }) // last: it looks at all that the others did
}

// credentials are those that the stack made.
type credentials struct {
	Root string            `json:"minio_root"`
	S3   map[string]string `json:"s3"`
	NATS map[string]string `json:"nats"`
}

func credentialsOf(t *testing.T, s *stack.Stack) (c credentials) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.Home, "credentials.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &c); err != nil || c.Root == "" || len(c.S3) < 5 || len(c.NATS) < 3 {
		t.Fatalf("the stack's credentials: %v", err)
	}
	return c
}
