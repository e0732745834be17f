// Package datasets lists every dataset that silver knows: those of the project, which are files here, and those of a folder of the
// user's own.
package datasets

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync/atomic"

	"millrace/infra/strict"
	"millrace/reactor/silver"
	"millrace/reactor/silver/definition"
)

var (
	//go:embed coincap/*.yaml
	embedded embed.FS
	// ready are files for sources that many have, to be put into a folder of one's own.
	//go:embed all:ready
	ready embed.FS
)

// own are those of the program. A program with a wrong file must not start.
var own = func() []*silver.Dataset {
	list, err := Read(embedded)
	if err != nil {
		panic(fmt.Sprintf("datasets: %v", err))
	}
	return list
}()

// all changes as a whole, between two lives of a reactor that takes other files.
var all = func() *atomic.Pointer[[]*silver.Dataset] {
	p := &atomic.Pointer[[]*silver.Dataset]{}
	p.Store(&own)
	return p
}()

// All datasets: the program's, then the user's, each sorted by name.
func All() []*silver.Dataset { return slices.Clone(*all.Load()) }

// Find a dataset by its name, "<source>/<dataset>".
func Find(name string) (*silver.Dataset, bool) {
	list := *all.Load()
	i := slices.IndexFunc(list, func(d *silver.Dataset) bool { return d.Name == name })
	if i < 0 {
		return nil, false
	}
	return list[i], true
}

// Get is Find for a dataset of the program's own. It panics when there is none.
func Get(name string) *silver.Dataset {
	d, ok := Find(name)
	if !ok {
		panic(fmt.Sprintf("datasets: there is no %s", name))
	}
	return d
}

// Use adds the datasets of a folder to those of the program. Call it before anything asks for datasets, or while nothing works with
// them.
func Use(folder fs.FS) error {
	list, err := With(folder)
	if err == nil {
		all.Store(&list)
	}
	return err
}

// With returns the datasets that Use would take. A folder that is nil has none.
func With(folder fs.FS) ([]*silver.Dataset, error) {
	if folder == nil {
		return own, nil
	}
	more, err := Read(folder)
	if err != nil {
		return nil, err
	}
	list := slices.Clone(own)
	for _, d := range more {
		for _, other := range list {
			if other.Name == d.Name || other.Table == d.Table {
				return nil, fmt.Errorf("%s.yaml: the dataset %s with the table %s is there already, as %s with %s: choose another name and table", d.Name, d.Name, d.Table, other.Name, other.Table)
			}
		}
		list = append(list, d)
	}
	return list, nil
}

// readyFolder holds the files that the program brings along and does not use.
const readyFolder = "ready"

// Ready are the datasets that the program brings along and does not use.
func Ready() ([]*silver.Dataset, error) {
	folder, err := fs.Sub(ready, readyFolder)
	if err != nil {
		return nil, err
	}
	return Read(folder)
}

// Text is the file of a dataset that the program brings along, in use or ready.
func Text(name string) ([]byte, error) {
	for _, place := range []struct {
		folder fs.FS
		path   string
	}{{embedded, name + ".yaml"}, {ready, readyFolder + "/" + name + ".yaml"}} {
		if text, err := fs.ReadFile(place.folder, place.path); err == nil {
			return text, nil
		}
	}
	return nil, fmt.Errorf("millrace brings no dataset %q along", name)
}

// Read the datasets of a folder: <source>/<dataset>.yaml. An error names each file with what is wrong in it.
func Read(folder fs.FS) ([]*silver.Dataset, error) {
	var list []*silver.Dataset
	var bad []error
	err := fs.WalkDir(folder, ".", func(file string, entry fs.DirEntry, err error) error {
		ext := path.Ext(file)
		if err != nil || entry.IsDir() || ext != ".yaml" && ext != ".yml" || strings.HasPrefix(path.Base(file), ".") {
			return err
		}
		d, err := readFile(folder, file, ext)
		if err != nil {
			bad = append(bad, err)
			return nil
		}
		list = append(list, d)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the folder of datasets: %w", err)
	}
	slices.SortFunc(list, func(a, b *silver.Dataset) int { return strings.Compare(a.Name, b.Name) })
	return list, errors.Join(bad...)
}

func readFile(folder fs.FS, file, ext string) (*silver.Dataset, error) {
	text, err := fs.ReadFile(folder, file)
	if err != nil {
		return nil, fmt.Errorf("read the dataset %s: %w", file, err)
	}
	d, err := definition.Parse(text)
	var problems strict.Problems
	switch {
	case errors.As(err, &problems):
		return nil, problems.In(file)
	case err != nil:
		return nil, fmt.Errorf("read the dataset %s: %w", file, err)
	case d.Name != strings.TrimSuffix(file, ext):
		return nil, fmt.Errorf("%s: its name is %s: the file of that dataset is %s.yaml in the folder of datasets", file, d.Name, d.Name)
	}
	return d, nil
}
