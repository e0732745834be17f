// Package settings holds the settings that the programs share, as groups to embed in a kong command: each is a flag and an
// environment variable of the same name, checked where it is first used. The package also reads and writes the env files by
// which the local stack hands each role its endpoint and credentials.
package settings

import (
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"strings"
)

// startHint ends every error that may mean that no stack runs.
const startHint = "start the stack with `go tool task up`, or, when it runs, set the environment with `eval \"$(.bin/stack env)\"`"

// Secret is text that may hold a credential. It prints as *** in errors, logs, JSON and %v; only Reveal returns the text.
type Secret string

// Reveal returns the text itself, for the one call that sends it.
func (s Secret) Reveal() string { return string(s) }

// String hides the text, and says whether there is any.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "***"
}

// GoString hides it from %#v as well.
func (s Secret) GoString() string { return `"` + s.String() + `"` }

// LogValue hides it from slog, whose JSON handler would otherwise marshal the text.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalJSON hides it from any struct that is printed as JSON.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + s.String() + `"`), nil }

// Catalog names the database that holds the Iceberg catalog.
type Catalog struct {
	Catalog Secret `name:"catalog" env:"MILLRACE_CATALOG" placeholder:"URL" help:"Iceberg catalog: sqlite:////absolute/path or postgres://… (default: catalog.db in the home folder)."`
}

// URI returns the catalog's address. If none is set, it is that of the SQLite file catalog.db in the home folder, as sqlite://
// and an absolute path: the four slashes are SQLAlchemy's form, so PyIceberg opens the same text.
func (c Catalog) URI(home Home) (Secret, error) {
	if c.Catalog == "" {
		abs, err := filepath.Abs(filepath.Join(home.Home, "catalog.db"))
		if err != nil {
			return "", fmt.Errorf("find the catalog in the home folder %s: %w", home.Home, err)
		}
		return Secret("sqlite:///" + abs), nil
	}
	scheme, _, ok := strings.Cut(c.Catalog.Reveal(), "://")
	if !ok || (scheme != "sqlite" && scheme != "postgres" && scheme != "postgresql") {
		return "", fmt.Errorf("the catalog's address (--catalog, MILLRACE_CATALOG) must begin with sqlite:// or postgres://")
	}
	return c.Catalog, nil
}

// SQLitePath returns the file of a sqlite:// address, also of one that ReadOnly made; ok is false for every other kind of address.
func SQLitePath(uri Secret) (path string, ok bool) {
	path, ok = strings.CutPrefix(uri.Reveal(), "sqlite:///")
	if file, isURI := strings.CutPrefix(path, "file:"); ok && isURI {
		file, _, _ = strings.Cut(file, "?")
		unescaped, err := url.PathUnescape(file)
		return unescaped, err == nil
	}
	return path, ok
}

// ReadOnly returns the address of a SQLite catalog under which SQLite itself refuses every write, in SQLAlchemy's form, which
// PyIceberg takes. ok is false for a database server, which has users for that.
func ReadOnly(uri Secret) (address Secret, ok bool) {
	path, ok := SQLitePath(uri)
	if !ok {
		return "", false
	}
	return Secret("sqlite:///file:" + (&url.URL{Path: filepath.Clean("/" + path)}).EscapedPath() + "?mode=ro&uri=true"), true
}

// CatalogOfReaders is the catalog as those open it who only read.
type CatalogOfReaders struct {
	CatalogOfReaders Secret `name:"catalog-readonly" env:"MILLRACE_CATALOG_READONLY" placeholder:"URL" help:"The same catalog as a user of PostgreSQL that may only read it: what analyst and reporter get. Without it they get no catalog, rather than the owner's password. (A SQLite catalog needs none.)"`
}

// redact takes the password out of an address, or of a list of them, and leaves user and host.
func redact(raw string) string {
	parts := strings.Split(raw, ",")
	for i, part := range parts {
		u, err := url.Parse(strings.TrimSpace(part))
		if err != nil {
			// url.Parse's own error repeats the text, password and all.
			parts[i] = "(unreadable address)"
			continue
		}
		parts[i] = u.Redacted()
	}
	return strings.Join(parts, ",")
}
