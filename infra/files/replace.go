// Package files writes files that other processes read at any time.
package files

import (
	"path/filepath"

	"github.com/google/renameio/v2"
)

// Replace writes a file, mode 0600, whole or not at all: a reader finds the old text or the new one, also after a power cut.
// Until then the new text lies beside the file, and not in a temporary folder that others can look into.
func Replace(path string, text []byte) error {
	return renameio.WriteFile(path, text, 0o600, renameio.WithStaticPermissions(0o600), renameio.WithTempDir(filepath.Dir(path)))
}
