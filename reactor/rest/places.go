package rest

import (
	"context"
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
	return root + "/" + escaped(id.Namespace) + "/" + escaped(id.Name)
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
		location = strings.TrimRight(of, "/") + "/" + escaped(id.Name)
		if err := s.places.check(location); err != nil {
			return "", fmt.Errorf("the property location of namespace %s: %w", id.Namespace, err)
		}
	}
	shared, err := s.Lake.Shared(ctx, id, location)
	if shared { // a table that was renamed keeps its folder
		location += "-" + uuid.NewString()[:8]
	}
	return location, err
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

// checkMove refuses what would let a table or view, or its metadata, lie where it may not. before is what it was: where it was made by
// another catalog it may lie elsewhere, and stays there.
func (s *Server) checkMove(ctx context.Context, id lake.Identifier, before, after string, was, is iceberg.Properties) error {
	path, moved := is[metadataPath], is[metadataPath] != was[metadataPath]
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
	if moved && path != "" {
		return s.places.check(path)
	}
	return nil
}

// ownedBy refuses what would take from the reactor what it works with.
func ownedBy(deed, why string) error {
	return &refusal{http.StatusForbidden, "ForbiddenException", fmt.Sprintf("this catalog does not let you %s: silver and gold are the reactor's own, and %s", deed, why)}
}
