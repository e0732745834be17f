// Package files writes files that other processes read at any time.
package files

import (
	"path/filepath"

	"github.com/google/renameio/v2"
)

// Replace writes a file, mode 0600, whole or not at all: whoever reads it meanwhile, or after a power cut, finds the old text
// or the new one. The new text lies beside the file until then, not in a temporary folder that others can look into.
func Replace(path string, text []byte) error {
	return renameio.WriteFile(path, text, 0o600, renameio.WithStaticPermissions(0o600), renameio.WithTempDir(filepath.Dir(path)))
}
