// Package objects is the console's pages of bronze: its folders, and of one object its bytes, versions and what became of them.
package objects

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"millrace/infra/bucket"
	"millrace/infra/cli"
	"millrace/reactor/console/web"
	"millrace/reactor/lake"
)

//go:embed *.html
var files embed.FS

const (
	// root is the folder that the pages show; what lies beside it is the tables' files.
	root = "bronze/"
	// listed is how many names of a folder a page shows.
	listed = 500
	// longest is how many bytes a key of S3 may have.
	longest = 1024
)

// Pages are those of bronze.
type Pages struct {
	lake   *lake.Lake
	bucket bucket.Bucket
	traces string
}

// Add adds the pages to a site. traces is the address of a trace in the viewer that people use, with TraceID where its id goes; ""
// for no viewer.
func Add(s *web.Site, l *lake.Lake, b bucket.Bucket, traces string) {
	p := &Pages{l, b, traces}
	web.Show(s, web.View[Folder]{
		Path: "/bronze", Item: "Bronze", Markup: web.Parse(files, nil, "folder.html"),
		About:      "What lies directly below a folder of bronze.",
		Parameters: []web.Parameter{{Name: "prefix", About: "The folder, from bronze/ on, with a slash at its end."}, {Name: "after", About: "The name after which the list goes on."}},
		Read:       p.folder,
		Title:      func(f Folder) string { return f.Prefix },
		Command:    func(f Folder) string { return cli.ShellLine("aws", "s3", "ls", "s3://"+p.bucket.Name+"/"+f.Prefix) },
	})
	web.Show(s, web.View[Object]{
		Path: "/bronze/object", Item: "Bronze", Markup: web.Parse(files, nil, "object.html"),
		About:      "An object of bronze: its metadata, its beginning, and what became of its versions.",
		Parameters: []web.Parameter{{Name: "key", About: "The object's key, from bronze/ on."}, {Name: "version", About: "The version to show; the newest one if it is left out."}},
		Read:       p.object,
		Title:      func(o Object) string { return path.Base(o.Key) },
		Command:    func(o Object) string { return cli.ShellLine("aws", "s3", "cp", "s3://"+p.bucket.Name+"/"+o.Key, "-") },
	})
}

// Folder is what lies directly below a prefix of bronze.
type Folder struct {
	Prefix  string  `json:"prefix"`
	Folders []Entry `json:"folders"`
	Objects []Entry `json:"objects"`
	// After is the name after which the list goes on, "" when it is whole.
	After string `json:"after,omitempty"`
	// Above are the folders that this one lies in, from the root down.
	Above []Entry `json:"-"`
}

// Entry is a name in a folder.
type Entry struct {
	Key        string    `json:"key"`
	Name       string    `json:"name"`
	Bytes      int64     `json:"bytes,omitempty"`
	ModifiedAt time.Time `json:"modified_at,omitzero"`
}

func (p *Pages) folder(r *http.Request) (Folder, error) {
	f := Folder{Prefix: r.URL.Query().Get("prefix"), Folders: []Entry{}, Objects: []Entry{}}
	if f.Prefix == "" {
		f.Prefix = root
	}
	if !strings.HasPrefix(f.Prefix, root) || !strings.HasSuffix(f.Prefix, "/") {
		return f, web.BadRequest("%q is no folder of bronze: it begins with %s and ends with a slash", f.Prefix, root)
	}
	if len(f.Prefix) > longest {
		return f, web.BadRequest("a key has %d bytes at most; this folder's has %d", longest, len(f.Prefix))
	}
	for i, c := range f.Prefix {
		if c == '/' {
			f.Above = append(f.Above, Entry{Key: f.Prefix[:i+1], Name: path.Base(f.Prefix[:i])})
		}
	}
	ctx, cancel := context.WithCancel(r.Context()) // ends the listing when the page is full
	defer cancel()
	options := minio.ListObjectsOptions{Prefix: f.Prefix, StartAfter: r.URL.Query().Get("after"), MaxKeys: listed + 1}
	for o := range p.bucket.Client.ListObjects(ctx, p.bucket.Name, options) {
		if o.Err != nil {
			return f, refused(fmt.Errorf("list %s: %w", f.Prefix, o.Err))
		}
		if o.Key == f.Prefix {
			continue // a marker that some tools put for a folder
		}
		if len(f.Folders)+len(f.Objects) == listed {
			f.After = f.last()
			break
		}
		e := Entry{Key: o.Key, Name: path.Base(o.Key), Bytes: o.Size, ModifiedAt: o.LastModified}
		if strings.HasSuffix(o.Key, "/") {
			f.Folders = append(f.Folders, Entry{Key: o.Key, Name: e.Name})
		} else {
			f.Objects = append(f.Objects, e)
		}
	}
	return f, nil
}

// refused makes a request that the store refuses whoever asked's own: no object can have such a name or version.
func refused(err error) error {
	var answer minio.ErrorResponse
	if errors.As(err, &answer) && answer.StatusCode == http.StatusBadRequest {
		return web.BadRequest("%w", err)
	}
	return err
}

// last is the name that the list ends with.
func (f Folder) last() string {
	var keys []string
	for _, e := range slices.Concat(f.Folders, f.Objects) {
		keys = append(keys, e.Key)
	}
	return slices.Max(keys)
}
