package command

import (
	"errors"
	"os"
	"strings"
	"testing"

	"millrace/infra/settings"
)

// A stranger's first command often comes before the stack's first start, or in the wrong folder. It makes no catalog there.
func TestAMissingCatalogIsNamedWithWhatStartsIt(t *testing.T) {
	empty := t.TempDir()
	for _, home := range []settings.Home{{Home: empty}, {Home: empty + "/absent"}} {
		missing(t, home)
	}
	if made, err := os.ReadDir(empty); err != nil || len(made) != 0 {
		t.Errorf("made %v, %v", made, err)
	}
}

// missing looks for the catalogs of a home, none of which is there.
func missing(t *testing.T, home settings.Home) {
	store := settings.S3{Endpoint: "http://127.0.0.1:1", AccessKey: "a", SecretKey: "b", Bucket: "lakehouse"}
	for name, catalog := range map[string]settings.Secret{"catalog.db": "", "127.0.0.1:1": "postgres://a:b@127.0.0.1:1/lake"} {
		f := lakeFlags{Home: home, S3: store, Catalog: settings.Catalog{Catalog: catalog}}
		err := f.withLake(t.Context(), func(opened) error { return nil })
		var unanswered *settings.Unanswered
		if !errors.As(err, &unanswered) || !strings.HasSuffix(unanswered.Address, name) || !strings.Contains(unanswered.Advice(), "go tool task up") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
