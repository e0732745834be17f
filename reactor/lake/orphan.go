package lake

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/minio/minio-go/v7"
)

// Orphan is an object below a table's location, as a listing finds it. Orphans returns those that no snapshot needs.
type Orphan struct {
	Path       string
	Bytes      int64
	ModifiedAt time.Time // by the object store's clock
	Metadata   int       // its version if it is the table's metadata, 0 for other objects
}

// ErrBehind says that object storage holds later metadata of a table than the catalog names. Then the catalog was restored or is
// another one, and what looks like orphans may be the table's files.
var ErrBehind = errors.New("object storage holds later metadata than this catalog names")

// Orphans lists objects below a table's location that no snapshot of the table needs. A commit under way may have written one of
// them, and a reader of an expired snapshot may read one: before you remove them, look twice with time in between. After ErrBehind,
// do not remove them.
func (l *Lake) Orphans(ctx context.Context, name string) ([]Orphan, error) {
	var orphans []Orphan
	for o, err := range l.Objects(ctx, name) { // first of all: what a commit adds after the listing is not in it
		if err != nil {
			return nil, err
		}
		orphans = append(orphans, o)
	}
	needs, err := l.Needs(ctx, name)
	if err != nil {
		return nil, err
	}
	orphans = slices.DeleteFunc(orphans, func(o Orphan) bool { return needs.Paths[o.Path] })
	if slices.ContainsFunc(orphans, func(o Orphan) bool { return needs.Behind(o.Metadata) }) {
		return orphans, fmt.Errorf("%s: %w", name, ErrBehind)
	}
	return orphans, nil
}

// Objects lists everything below a table's location, needed or not.
func (l *Lake) Objects(ctx context.Context, name string) iter.Seq2[Orphan, error] {
	return func(yield func(Orphan, error) bool) {
		bucket, key, err := split(l.root + "/" + strings.ReplaceAll(name, ".", "/") + "/")
		if err != nil {
			yield(Orphan{}, err)
			return
		}
		for o := range l.store.client.ListObjectsIter(ctx, bucket, minio.ListObjectsOptions{Prefix: key, Recursive: true}) {
			if o.Err != nil {
				yield(Orphan{}, fmt.Errorf("look for orphans of %s: %w", name, o.Err))
				return
			}
			found := Orphan{Path: "s3://" + bucket + "/" + o.Key, Bytes: o.Size, ModifiedAt: o.LastModified}
			if strings.HasSuffix(o.Key, ".metadata.json") {
				found.Metadata, _ = MetadataVersion(o.Key) // 0 if it is named in another way
			}
			if !yield(found, nil) {
				return
			}
		}
	}
}

// Needs has the paths of the objects that a table's snapshots need, and the version of its current metadata.
type Needs struct {
	Paths   map[string]bool
	Version int
}

// Behind tells whether the table is behind a version of its metadata. The version after the current one does not count: it may be
// of a commit under way, or of one that lost.
func (n Needs) Behind(version int) bool { return version > n.Version+1 }

// Needs reads what the table needs now. List objects before it: one that is listed afterwards may be needed all the same.
func (l *Lake) Needs(ctx context.Context, name string) (Needs, error) {
	view, err := l.View(ctx)
	if err != nil {
		return Needs{}, err
	}
	t, err := view.Table(name)
	if err != nil {
		return Needs{}, err
	}
	n := Needs{Paths: map[string]bool{}}
	for _, other := range view.Tables {
		// A renamed table keeps its files where they are, beside those of the table that was made anew in its place.
		if other.Meta.Location() != t.Meta.Location() {
			continue
		}
		paths, err := l.reachable(ctx, other)
		if err != nil {
			return Needs{}, fmt.Errorf("look for orphans of %s: %w", name, err)
		}
		maps.Copy(n.Paths, paths)
	}
	n.Version, err = MetadataVersion(t.Location)
	return n, err
}

// reachable finds the paths of everything that a table's snapshots need, and of its metadata's own history.
func (l *Lake) reachable(ctx context.Context, t *Table) (map[string]bool, error) {
	paths := map[string]bool{t.Location: true}
	for m := range t.Meta.PreviousFiles() {
		paths[m.MetadataFile] = true
	}
	for s := range t.Meta.Statistics() {
		paths[s.StatisticsPath] = true
	}
	for s := range t.Meta.PartitionStatistics() {
		paths[s.StatisticsPath] = true
	}
	for _, s := range t.Meta.Snapshots() {
		paths[s.ManifestList] = true
		manifests, err := l.manifests(ctx, t, &s)
		if err != nil {
			return nil, err
		}
		for _, m := range manifests {
			if paths[m.FilePath()] {
				continue
			}
			paths[m.FilePath()] = true
			if err := l.entryPaths(ctx, t, m, paths); err != nil {
				return nil, err
			}
		}
	}
	normal := make(map[string]bool, len(paths))
	for p := range paths {
		normal[strings.Replace(p, "s3a://", "s3://", 1)] = true // Spark writes s3a://
	}
	return normal, nil
}

// entryPaths adds the paths of the files that a manifest names, data or deletes.
func (l *Lake) entryPaths(ctx context.Context, t *Table, m iceberg.ManifestFile, paths map[string]bool) error {
	files, err := l.entries(ctx, t, m)
	for _, f := range files {
		paths[f.Path()] = true
	}
	return err
}

// RemoveOrphans removes objects and returns how many it removed.
func (l *Lake) RemoveOrphans(ctx context.Context, orphans []Orphan) (n int, err error) {
	if len(orphans) == 0 {
		return 0, nil
	}
	bucket, _, err := split(orphans[0].Path)
	if err != nil {
		return 0, err
	}
	keys := make(chan minio.ObjectInfo)
	go func() {
		defer close(keys)
		for _, o := range orphans {
			_, key, err := split(o.Path)
			if err != nil {
				continue
			}
			select {
			case keys <- minio.ObjectInfo{Key: key}:
			case <-ctx.Done():
				return
			}
		}
	}()
	n = len(orphans)
	for e := range l.store.client.RemoveObjects(ctx, bucket, keys, minio.RemoveObjectsOptions{}) {
		n--
		err = errors.Join(err, fmt.Errorf("remove %s: %w", path.Base(e.ObjectName), e.Err))
	}
	return n, errors.Join(err, ctx.Err())
}
