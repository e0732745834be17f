package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/view"
	"github.com/google/uuid"

	"millrace/reactor/lake"
)

// newView is the body of a call that makes a view.
type newView struct {
	Name       string             `json:"name"`
	Location   string             `json:"location"`
	Schema     *iceberg.Schema    `json:"schema"`
	Version    *view.Version      `json:"view-version"`
	Properties iceberg.Properties `json:"properties"`
}

func (s *Server) createView(w http.ResponseWriter, r *http.Request) error {
	namespace, err := namespaceOf(r)
	if err != nil {
		return err
	}
	body, err := read[newView](r)
	if err != nil {
		return err
	}
	if body.Schema == nil || body.Version == nil {
		return bad("a view needs a schema and a view-version")
	}
	id := lake.Identifier{Namespace: namespace, Name: body.Name}
	location, err := s.placeOfNew(r.Context(), lake.KindView, id, body.Location)
	if err != nil {
		return err
	}
	m, err := view.NewMetadata(body.Version, body.Schema, location, body.Properties)
	if err != nil {
		return &lake.InvalidError{Reason: "no view can be made like that: " + err.Error()}
	}
	if err := s.checkMove(r.Context(), id, nil, m); err != nil {
		return err
	}
	made, err := s.Lake.CreateSQLView(r.Context(), id, m)
	if err != nil {
		return err
	}
	return s.answerView(w, made)
}

func (s *Server) answerView(w http.ResponseWriter, v *lake.SQLView) error {
	metadata, err := json.Marshal(v.Meta)
	if err != nil {
		return fmt.Errorf("write the metadata of a view: %w", err)
	}
	answer(w, http.StatusOK, map[string]any{"metadata-location": v.Location, "metadata": json.RawMessage(metadata), "config": map[string]string{}})
	return nil
}

func (s *Server) registerView(w http.ResponseWriter, r *http.Request) error {
	id, body, err := s.registering(lake.KindView, r)
	if err != nil {
		return err
	}
	v, err := s.Lake.RegisterSQLView(r.Context(), id, body.MetadataLocation)
	if err != nil {
		return err
	}
	return s.answerView(w, v)
}

func (s *Server) loadView(w http.ResponseWriter, r *http.Request) error {
	id, err := viewOf(r)
	if err != nil {
		return err
	}
	v, err := s.Lake.SQLView(r.Context(), id)
	if err != nil {
		return err
	}
	return s.answerView(w, v)
}

// viewChange is the body of a commit to a view.
type viewChange struct {
	Identifier   *identifier `json:"identifier"`
	Requirements []struct {
		Type string    `json:"type"`
		UUID uuid.UUID `json:"uuid"`
	} `json:"requirements"`
	Updates json.RawMessage `json:"updates"`
}

// check says what the view is not that it should be.
func (c viewChange) check(m view.Metadata) error {
	for _, q := range c.Requirements {
		if q.UUID != m.ViewUUID() {
			return &lake.RequirementError{Reason: fmt.Sprintf("view UUID does not match: expected %s != %s", m.ViewUUID(), q.UUID)}
		}
	}
	return nil
}

// valid refuses what nobody knows.
func (c viewChange) valid() error {
	for _, q := range c.Requirements {
		if q.Type != "assert-view-uuid" {
			return bad("a commit to a view can require nothing but assert-view-uuid, not " + q.Type)
		}
	}
	var updates view.Updates
	if err := json.Unmarshal(c.Updates, &updates); err != nil {
		return bad("the updates cannot be read: " + err.Error())
	}
	return nil
}

func (s *Server) replaceView(w http.ResponseWriter, r *http.Request) error {
	id, err := viewOf(r)
	if err != nil {
		return err
	}
	body, err := read[viewChange](r)
	if err != nil {
		return err
	}
	if err := body.valid(); err != nil {
		return err
	}
	v, err := s.Lake.ChangeSQLView(r.Context(), id, func(now view.Metadata) (view.Metadata, error) {
		if err := body.check(now); err != nil {
			return nil, err
		}
		return s.viewAfter(r.Context(), id, now, body.Updates)
	})
	if err != nil {
		return err
	}
	return s.answerView(w, v)
}

// viewAfter applies updates to a view; nil is a view that they do not change.
func (s *Server) viewAfter(ctx context.Context, id lake.Identifier, now view.Metadata, text json.RawMessage) (view.Metadata, error) {
	var updates view.Updates
	if err := json.Unmarshal(text, &updates); err != nil {
		return nil, bad("the updates cannot be read: " + err.Error())
	}
	b, err := view.MetadataBuilderFromBase(now)
	if err != nil {
		return nil, err
	}
	for _, u := range updates {
		if err := u.Apply(b); err != nil {
			return nil, &lake.InvalidError{Reason: fmt.Sprintf("update %s: %v", u.Action(), err)}
		}
	}
	if !b.HasChanges() {
		return nil, nil
	}
	next, err := b.Build()
	if err != nil {
		return nil, &lake.InvalidError{Reason: err.Error()}
	}
	return next.Metadata, s.checkMove(ctx, id, now, next)
}

func (s *Server) dropView(w http.ResponseWriter, r *http.Request) error {
	id, err := viewOf(r)
	if err != nil {
		return err
	}
	if err := s.Lake.Drop(r.Context(), lake.KindView, id); err != nil {
		return err
	}
	done(w)
	return nil
}
