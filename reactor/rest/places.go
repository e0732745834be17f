package rest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/google/uuid"

	"millrace/reactor/access"
	"millrace/reactor/lake"
)

// places are where tables and views may lie.
type places struct {
	bucket string
	folder *lake.Folder
}

// check refuses a place where no table of another engine may lie.
func (p places) check(location string) error {
	if strings.HasPrefix(location, "file:") {
		if _, err := p.folder.Place(location); err != nil {
			return &lake.InvalidError{Reason: "a table may not lie there: " + err.Error()}
		}
		return nil
	}
	place, err := access.NewPlace(p.bucket, location)
	if err == nil && !strings.HasPrefix(string(place), "tables/") {
		err = &access.PlaceError{Location: location, Reason: fmt.Sprintf("what other engines make lies below s3://%s/tables/", p.bucket)}
	}
	return err
}

// usual is where a table or view lies whose maker names no place.
func (p places) usual(id lake.Identifier) string {
	root := "s3://" + p.bucket + "/tables"
	if p.folder != nil {
		root = p.folder.Address()
	}
	return root + "/" + folderOf(id.Namespace) + "/" + folderOf(id.Name)
}

// longestFolder leaves room for a namespace, a table and its files in the 1,024 bytes of a key: a name of 255 characters can have
// 3,000 bytes when it is escaped.
const longestFolder = 120

// folderOf is the folder of a namespace or table; a long name's ends in a digest of it.
func folderOf(name string) string {
	folder := escaped(name)
	if len(folder) <= longestFolder {
		return folder
	}
	digest := sha256.Sum256([]byte(name))
	return folder[:longestFolder-17] + "-" + hex.EncodeToString(digest[:8])
}

// escaped writes a name as that of a folder: bytes that a place may not have become % and two digits.
func escaped(name string) string {
	var b strings.Builder
	for _, c := range []byte(name) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-_.=+@", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// newLocation is where a new table or view is to lie: where its maker asked for, below its namespace's property location, or the
// usual place. Two tables never share a folder: keys for the one would open the other, and a purge of the one could not tell.
func (s *Server) newLocation(ctx context.Context, id lake.Identifier, asked string) (string, error) {
	if asked != "" {
		asked = strings.TrimRight(asked, "/")
		return asked, s.checkPlace(ctx, id, asked)
	}
	properties, err := s.Lake.Namespace(ctx, id.Namespace)
	if err != nil {
		return "", err
	}
	location := s.places.usual(id)
	if of := properties["location"]; of != "" {
		location = strings.TrimRight(of, "/") + "/" + folderOf(id.Name)
		if err := s.places.check(location); err != nil {
			return "", fmt.Errorf("the property location of namespace %s: %w", id.Namespace, err)
		}
	}
	shared, err := s.Lake.Shared(ctx, id, location)
	if err != nil || !shared {
		return location, err
	}
	location += "-" + uuid.NewString()[:8] // a table that was renamed keeps its folder
	return location, s.checkPlace(ctx, id, location)
}

// checkPlace refuses a place for a table or view that is none, or that another one lies in.
func (s *Server) checkPlace(ctx context.Context, id lake.Identifier, location string) error {
	if err := s.places.check(location); err != nil {
		return err
	}
	shared, err := s.Lake.Shared(ctx, id, location)
	if err == nil && shared {
		err = &lake.InvalidError{Reason: fmt.Sprintf("another table or view lies at %s: leave the location out, and the catalog finds one", location)}
	}
	return err
}

// metadataPath is the property that says where the server itself is to write metadata.
const metadataPath = "write.metadata.path"

// placed is what says where a table or view and its metadata lie.
type placed interface {
	Location() string
	Properties() iceberg.Properties
}

// checkMove refuses what would let a table or view, or its metadata, lie where it may not. was is nil for what is made. What another
// catalog made may lie elsewhere, and stays there.
func (s *Server) checkMove(ctx context.Context, id lake.Identifier, was, is placed) error {
	var before, pathBefore string
	if was != nil {
		before, pathBefore = was.Location(), was.Properties()[metadataPath]
	}
	after, path := is.Location(), is.Properties()[metadataPath]
	moved := path != pathBefore
	if id.Owned() {
		if before != after || moved && path != "" {
			return ownedBy("move "+id.String(), "the reactor finds it by its place")
		}
		return nil
	}
	if before != after {
		if err := s.checkPlace(ctx, id, after); err != nil {
			return err
		}
	}
	if !moved || path == "" {
		return nil
	}
	if err := s.places.check(path); err != nil {
		return err
	}
	// A table's folder is known by where its metadata lies: elsewhere, or deeper, others could get a place in it.
	if lake.Home(strings.TrimRight(path, "/")+"/x") != strings.TrimRight(after, "/") {
		return &lake.InvalidError{Reason: fmt.Sprintf("%s must be a folder in the table's own, such as %s/metadata", metadataPath, after)}
	}
	return nil
}

// ownedBy refuses what would take from the reactor what it works with.
func ownedBy(deed, why string) error {
	return &refusal{http.StatusForbidden, "ForbiddenException", fmt.Sprintf("this catalog does not let you %s: silver and gold are the reactor's own, and %s", deed, why)}
}
