package rest

import (
	"maps"
	"net/http"
	"slices"

	"github.com/apache/iceberg-go"

	"millrace/reactor/lake"
)

// What is below answers requests that took effect before, by what the catalog has now.

func againNothing(_ *Server, w http.ResponseWriter, _ *http.Request) error {
	done(w)
	return nil
}

func againNamespace(s *Server, w http.ResponseWriter, r *http.Request) error {
	body, err := read[struct {
		Namespace []string `json:"namespace"`
	}](r)
	if err != nil {
		return err
	}
	name, err := joined(body.Namespace)
	if err != nil {
		return err
	}
	return s.answerNamespace(w, r, name)
}

func againProperties(_ *Server, w http.ResponseWriter, r *http.Request) error {
	body, err := read[struct {
		Removals []string           `json:"removals"`
		Updates  iceberg.Properties `json:"updates"`
	}](r)
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, map[string]any{"updated": list(slices.Sorted(maps.Keys(body.Updates))), "removed": list(body.Removals), "missing": []string{}})
	return nil
}

// againNew answers a call that made or registered a table, or only staged one.
func againNew(s *Server, w http.ResponseWriter, r *http.Request) error {
	body, err := read[struct {
		Name        string `json:"name"`
		StageCreate bool   `json:"stage-create"`
	}](r)
	if err != nil {
		return err
	}
	if body.StageCreate {
		return &refusal{http.StatusConflict, "CommitFailedException", "a staged table is not kept: stage it anew, with another Idempotency-Key"}
	}
	namespace, err := namespaceOf(r)
	if err != nil {
		return err
	}
	return s.answerNow(w, r, lake.Identifier{Namespace: namespace, Name: body.Name})
}

func againTable(s *Server, w http.ResponseWriter, r *http.Request) error {
	id, err := tableOf(r)
	if err != nil {
		return err
	}
	return s.answerNow(w, r, id)
}

// answerNow answers with a table as it is now.
func (s *Server) answerNow(w http.ResponseWriter, r *http.Request, id lake.Identifier) error {
	location, err := s.Lake.Locate(r.Context(), lake.KindTable, id)
	if err != nil {
		return err
	}
	return s.answerTable(w, r, id, location)
}

func againNewView(s *Server, w http.ResponseWriter, r *http.Request) error {
	body, err := read[struct {
		Name string `json:"name"`
	}](r)
	if err != nil {
		return err
	}
	namespace, err := namespaceOf(r)
	if err != nil {
		return err
	}
	v, err := s.Lake.SQLView(r.Context(), lake.Identifier{Namespace: namespace, Name: body.Name})
	if err != nil {
		return err
	}
	return s.answerView(w, v)
}
