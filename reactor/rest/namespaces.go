package rest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/apache/iceberg-go"

	"millrace/reactor/lake"
)

func (s *Server) listNamespaces(w http.ResponseWriter, r *http.Request) error {
	p, err := pageOf(r)
	if err != nil {
		return err
	}
	parent := ""
	if asked := r.URL.Query().Get("parent"); asked != "" {
		if parent, err = joined(strings.Split(asked, separator)); err != nil {
			return err
		}
	}
	all, err := s.Lake.Namespaces(r.Context(), parent)
	if err != nil {
		return err
	}
	if p.after != "" {
		all = all[sortedAfter(all, p.after):]
	}
	on, next := p.cut(all)
	list := [][]string{}
	for _, name := range on {
		list = append(list, levels(name))
	}
	answer(w, http.StatusOK, map[string]any{"namespaces": list, "next-page-token": next})
	return nil
}

// sortedAfter is the index of the first name after another one.
func sortedAfter(names []string, after string) int {
	n, found := slices.BinarySearch(names, after)
	if found {
		n++
	}
	return n
}

func (s *Server) createNamespace(w http.ResponseWriter, r *http.Request) error {
	body, err := read[struct {
		Namespace  []string           `json:"namespace"`
		Properties iceberg.Properties `json:"properties"`
	}](r)
	if err != nil {
		return err
	}
	name, err := joined(body.Namespace)
	if err != nil {
		return err
	}
	if body.Properties == nil {
		body.Properties = iceberg.Properties{}
	}
	if lake.OwnedNamespace(name) && strings.Contains(name, ".") {
		return ownedBy("make namespace "+name, "no namespace is in them")
	}
	if err := s.Lake.CreateNamespace(r.Context(), name, body.Properties); err != nil {
		return err
	}
	answer(w, http.StatusOK, map[string]any{"namespace": body.Namespace, "properties": body.Properties})
	return nil
}

func (s *Server) loadNamespace(w http.ResponseWriter, r *http.Request) error {
	name, err := namespaceOf(r)
	if err != nil {
		return err
	}
	return s.answerNamespace(w, r, name)
}

func (s *Server) answerNamespace(w http.ResponseWriter, r *http.Request, name string) error {
	properties, err := s.Lake.Namespace(r.Context(), name)
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, map[string]any{"namespace": levels(name), "properties": properties})
	return nil
}

func (s *Server) namespaceExists(w http.ResponseWriter, r *http.Request) error {
	name, err := namespaceOf(r)
	if err != nil {
		return err
	}
	if _, err := s.Lake.Namespace(r.Context(), name); err != nil {
		return err
	}
	done(w)
	return nil
}

func (s *Server) dropNamespace(w http.ResponseWriter, r *http.Request) error {
	name, err := namespaceOf(r)
	if err != nil {
		return err
	}
	if lake.OwnedNamespace(name) && !strings.Contains(name, ".") {
		return ownedBy("drop namespace "+name, "the reactor makes its tables there")
	}
	if err := s.Lake.DropNamespace(r.Context(), name); err != nil {
		return err
	}
	done(w)
	return nil
}

func (s *Server) changeNamespace(w http.ResponseWriter, r *http.Request) error {
	name, err := namespaceOf(r)
	if err != nil {
		return err
	}
	body, err := read[struct {
		Removals []string           `json:"removals"`
		Updates  iceberg.Properties `json:"updates"`
	}](r)
	if err != nil {
		return err
	}
	for _, key := range body.Removals {
		if _, both := body.Updates[key]; both {
			return &refusal{http.StatusUnprocessableEntity, "UnprocessableEntityException", fmt.Sprintf("property %s is to be removed and to be set: ask for one of them", key)}
		}
	}
	removed, missing, err := s.Lake.ChangeNamespace(r.Context(), name, body.Updates, body.Removals)
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, map[string]any{"updated": list(slices.Sorted(maps.Keys(body.Updates))), "removed": list(removed), "missing": list(missing)})
	return nil
}

// list is a list of JSON, never null.
func list(names []string) []string {
	if names == nil {
		return []string{}
	}
	return names
}
