// Package files writes files that other processes read at any time.
package files

import (
	"io"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// Replace writes a file, mode 0600, whole or not at all: a reader finds the old text or the new one, also after a power cut.
// Until then the new text lies beside the file, and not in a temporary folder that others can look into.
func Replace(path string, text []byte) error {
	return renameio.WriteFile(path, text, 0o600, renameio.WithStaticPermissions(0o600), renameio.WithTempDir(filepath.Dir(path)))
}

// ReplaceBy is Replace with what write writes, for a file that a user named: others may read it as far as the umask lets them.
// If write fails, the file stays as it was.
func ReplaceBy(path string, write func(io.Writer) error) error {
	f, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o666), renameio.WithTempDir(filepath.Dir(path)))
	if err != nil {
		return err
	}
	defer func() { _ = f.Cleanup() }() // does nothing after a replacement
	if err := write(f); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
}
