// Package security_test tries what must not work: what each user may not do, what SQL may not reach, what the HTTP surface
// may not take, and looks for every secret of a run in all that the run has said. One stack serves all of it.
package security_test

import (
	"testing"
	"time"

	"millrace/tests/harness"
	"millrace/tests/harness/coin"
)

// coincapKey is the API's key, a secret like the others.
const coincapKey = "the-key-of-coincap-0123456789"

func TestALakehouse(t *testing.T) {
	s := harness.Start(t, harness.WithEnv(append(bombLimits, "COINCAP_API_KEY="+coincapKey)...))
	s.PutAndWait(t, coin.AssetsKey("first.json"), coin.Assets(coin.Day(time.June, 1), coin.Asset("bitcoin", "1", "1")), nil)
	t.Run("each S3 user may do its job and no more", func(t *testing.T) { s3Users(t, s) })
	t.Run("each NATS user may do its job and no more", func(t *testing.T) { natsUsers(t, s) })
	t.Run("queries see the tables and nothing else", func(t *testing.T) { queries(t, s) })
	t.Run("who only reads cannot write the catalog", func(t *testing.T) { catalogOfReaders(t, s) })
	t.Run("models see the tables and nothing else", func(t *testing.T) { models(t, s) })
	t.Run("the HTTP surface is for this machine", func(t *testing.T) { surface(t, s) })
	t.Run("the Iceberg catalog opens what a role may and no more", func(t *testing.T) { theCatalog(t, s) })
	t.Run("the console shows text as text, and changes nothing for strangers", func(t *testing.T) { console(t, s) })
	t.Run("bombs burst nothing", func(t *testing.T) { bombs(t, s) })
	t.Run("secrets are where they belong", func(t *testing.T) { secrets(t, s) }) // last: it looks at all that the others did
}
