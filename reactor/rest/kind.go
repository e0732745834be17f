package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"millrace/reactor/lake"
)

// What is below is the same for tables and for views.

// word is what a kind is called, in paths and in sentences.
func word(kind lake.Kind) string { return strings.ToLower(string(kind)) }

// inPages answers which tables or views a namespace has.
func inPages(kind lake.Kind) call {
	return func(s *Server, w http.ResponseWriter, r *http.Request) error {
		namespace, err := namespaceOf(r)
		if err != nil {
			return err
		}
		p, err := pageOf(r)
		if err != nil {
			return err
		}
		names, err := s.Lake.List(r.Context(), kind, namespace, p.after, p.ask())
		if err != nil {
			return err
		}
		on, next := p.cut(names)
		all := []identifier{}
		for _, name := range on {
			all = append(all, named(namespace, name))
		}
		answer(w, http.StatusOK, map[string]any{"identifiers": all, "next-page-token": next})
		return nil
	}
}

// exists answers whether there is a table or view.
func exists(kind lake.Kind) call {
	return func(s *Server, w http.ResponseWriter, r *http.Request) error {
		id, err := identifierOf(r, kind)
		if err != nil {
			return err
		}
		if _, err := s.Lake.Locate(r.Context(), kind, id); err != nil {
			return err
		}
		done(w)
		return nil
	}
}

// mayBecome refuses a name for a new table or view.
func (s *Server) mayBecome(kind lake.Kind, id lake.Identifier) error {
	if err := checkName(word(kind), id.Name); err != nil {
		return err
	}
	if id.Owned() {
		return ownedBy("make "+word(kind)+" "+id.String(), "a dataset or a model makes their tables; make yours in a namespace of your own")
	}
	return nil
}

// placeOfNew is where a new table or view is to lie; it refuses one that must not be, or whose name is taken.
func (s *Server) placeOfNew(ctx context.Context, kind lake.Kind, id lake.Identifier, asked string) (string, error) {
	if err := s.mayBecome(kind, id); err != nil {
		return "", err
	}
	if err := s.Lake.Free(ctx, kind, id); err != nil {
		return "", err
	}
	return s.newLocation(ctx, id, asked)
}

// registration is the body of a call that takes a table or view into the catalog that another catalog made.
type registration struct {
	Name             string `json:"name"`
	MetadataLocation string `json:"metadata-location"`
	Overwrite        bool   `json:"overwrite"`
}

// registering reads the call that takes a table or view into the catalog, and refuses what must not come in.
func (s *Server) registering(kind lake.Kind, r *http.Request) (id lake.Identifier, body registration, err error) {
	namespace, err := namespaceOf(r)
	if err != nil {
		return id, body, err
	}
	if body, err = read[registration](r); err != nil {
		return id, body, err
	}
	id = lake.Identifier{Namespace: namespace, Name: body.Name}
	if err := s.mayBecome(kind, id); err != nil {
		return id, body, err
	}
	return id, body, s.checkRegistration(r.Context(), id, body.MetadataLocation)
}

// checkRegistration refuses metadata that the server must not read for others, and metadata of a table or view that lies where none
// may: by its file, or by its own words. Anybody can write a file that says that it lies in bronze, and would get keys to it.
func (s *Server) checkRegistration(ctx context.Context, id lake.Identifier, location string) error {
	if location == "" {
		return bad("a registration needs a metadata-location")
	}
	if err := s.places.check(location); err != nil {
		return err
	}
	text, err := s.Lake.Metadata(ctx, location)
	if err != nil {
		return err
	}
	var says struct {
		Location string `json:"location"`
	}
	if err := json.Unmarshal(text, &says); err != nil {
		return &lake.InvalidError{Reason: fmt.Sprintf("%s is not the metadata of a table or view: %v", location, err)}
	}
	if err := s.checkPlace(ctx, id, lake.Home(location)); err != nil {
		return err
	}
	return s.checkPlace(ctx, id, says.Location)
}

// rename gives a table or view another name.
func rename(kind lake.Kind) call {
	return func(s *Server, w http.ResponseWriter, r *http.Request) error {
		body, err := read[struct{ Source, Destination identifier }](r)
		if err != nil {
			return err
		}
		from, err := body.Source.parse()
		if err != nil {
			return err
		}
		to, err := body.Destination.parse()
		if err != nil {
			return err
		}
		if err := checkName(word(kind), to.Name); err != nil {
			return err
		}
		if from.Owned() || to.Owned() {
			return ownedBy("rename "+from.String()+" to "+to.String(), "it would make the table anew under its old name")
		}
		if err := s.Lake.Rename(r.Context(), kind, from, to); err != nil {
			return err
		}
		done(w)
		return nil
	}
}
