package lake

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Folder is a folder of this machine in which tables and views of other engines may lie, beside the bucket. Nothing reaches out of
// it: neither dots in an address nor a symbolic link.
type Folder struct {
	path string
	root *os.Root
}

// OpenFolder opens a folder that is there.
func OpenFolder(dir string) (*Folder, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open the folder for tables: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the folder for tables: %w", err)
	}
	return &Folder{filepath.ToSlash(dir), root}, nil
}

// Close closes the folder.
func (f *Folder) Close() error { return f.root.Close() }

// Address is the folder as an address.
func (f *Folder) Address() string { return "file:" + f.path }

// Place is an address's path within the folder, without a slash at the end.
func (f *Folder) Place(address string) (string, error) {
	if f == nil {
		return "", fmt.Errorf("%q is a file, and tables lie in object storage here", address)
	}
	name := strings.TrimPrefix(address, "file:")
	if rest, ok := strings.CutPrefix(name, "//"); ok { // file:///folder, and no host
		name = "/" + strings.TrimLeft(rest, "/")
		if !strings.HasPrefix(rest, "/") {
			return "", fmt.Errorf("%q names a host", address)
		}
	}
	place, ok := strings.CutPrefix(strings.TrimRight(name, "/"), strings.TrimRight(f.path, "/")+"/")
	if !ok || path.Clean(place) != place || !filepath.IsLocal(filepath.FromSlash(place)) {
		return "", fmt.Errorf("%q does not lie in the folder for tables, %s", address, f.path)
	}
	return place, nil
}

// isFile tells whether an address is one of a file.
func isFile(address string) bool { return strings.HasPrefix(address, "file:") }

func (f *Folder) read(address string) ([]byte, error) {
	place, err := f.Place(address)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: address, Err: err}
	}
	return f.root.ReadFile(place)
}

// write makes a new file whole, or none.
func (f *Folder) write(address string, r io.Reader) error {
	place, err := f.Place(address)
	if err != nil {
		return &fs.PathError{Op: "put", Path: address, Err: err}
	}
	if err := f.root.MkdirAll(path.Dir(place), 0o755); err != nil {
		return fmt.Errorf("put %s: %w", address, err)
	}
	out, err := f.root.OpenFile(place, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("put %s: %w", address, err)
	}
	_, err = io.Copy(out, r)
	if err == nil {
		err = out.Sync()
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("put %s: %w", address, errors.Join(err, f.root.Remove(place)))
	}
	return nil
}

// remove removes a file; one that is gone is none to remove.
func (f *Folder) remove(address string) error {
	place, err := f.Place(address)
	if err != nil {
		return &fs.PathError{Op: "remove", Path: address, Err: err}
	}
	if err := f.root.Remove(place); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", address, err)
	}
	return nil
}

// AlsoIn lets tables and views lie in a folder of this machine, too.
func (l *Lake) AlsoIn(f *Folder) { l.store.folder = f }
