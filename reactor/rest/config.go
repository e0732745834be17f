package rest

import (
	"net/http"
	"strings"
)

// warehouse is the name of the lake, by which clients ask for it.
const warehouse = "lakehouse"

// config answers what a client asks first: how to reach the bucket, and which calls there are.
func (s *Server) config(w http.ResponseWriter, r *http.Request) error {
	asked := strings.TrimRight(r.URL.Query().Get("warehouse"), "/")
	if asked != "" && asked != warehouse && asked != "s3://"+s.Bucket {
		return &refusal{http.StatusNotFound, "NoSuchWarehouseException", "there is no warehouse " + asked + ": this catalog's is " + warehouse}
	}
	served := []string{}
	for _, e := range endpoints() {
		served = append(served, e.method+" "+strings.Replace(e.path, "/v1/", "/v1/{prefix}/", 1))
	}
	defaults := s.Client
	if defaults == nil {
		defaults = map[string]string{}
	}
	answer(w, http.StatusOK, map[string]any{
		"defaults": defaults, "overrides": map[string]string{}, "endpoints": served, "idempotency-key-lifetime": keyLifetimeISO,
	})
	return nil
}
