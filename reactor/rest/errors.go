package rest

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"strings"

	"millrace/reactor/access"
	"millrace/reactor/lake"
)

// refusal is an answer that says why a call failed, with the type that Iceberg's clients know the reason by.
type refusal struct {
	status  int
	kind    string
	message string
}

func (r *refusal) Error() string { return r.message }

// bad is the refusal of a request that cannot be right.
func bad(message string) error {
	return &refusal{http.StatusBadRequest, "BadRequestException", message}
}

// refusalOf says what an error means to the client.
func refusalOf(err error, r *http.Request) *refusal {
	if known := (*refusal)(nil); errors.As(err, &known) {
		return known
	}
	if byCatalog := refusedByLake(err); byCatalog != nil {
		return byCatalog
	}
	tooLarge := (*http.MaxBytesError)(nil)
	if errors.As(err, &tooLarge) {
		return &refusal{http.StatusRequestEntityTooLarge, "BadRequestException", "the body of the request is too large: " + err.Error()}
	}
	unknown := (*lake.UnknownError)(nil)
	switch {
	case errors.As(err, &unknown):
		return &refusal{http.StatusInternalServerError, "CommitStateUnknownException", "the catalog's database did not say whether the commit happened: load the table to see. " + err.Error()}
	case errors.Is(err, fs.ErrPermission): // an engine with an SQL catalog may have made the table where it wanted
		return &refusal{http.StatusForbidden, "ForbiddenException", "the catalog has no right to that place: it writes below silver/, gold/ and tables/ of its bucket. Tables that an engine makes by the database belong below tables/, too (its setting warehouse). " + err.Error()}
	case errors.Is(err, lake.ErrReadOnly):
		return &refusal{http.StatusForbidden, "ForbiddenException", "this server may read the catalog's database and not write it: " + err.Error()}
	}
	return &refusal{http.StatusInternalServerError, "InternalServerError", r.Method + " " + r.URL.Path + ": " + err.Error()}
}

// refusedByLake is the refusal of what the catalog, as it is, does not allow; nil for other errors.
func refusedByLake(err error) *refusal {
	var (
		missing     *lake.MissingError
		taken       *lake.TakenError
		full        *lake.NotEmptyError
		requirement *lake.RequirementError
		invalid     *lake.InvalidError
		lost        *lake.LostError
		place       *access.PlaceError
	)
	switch {
	case errors.As(err, &missing):
		return &refusal{http.StatusNotFound, map[lake.Kind]string{lake.KindTable: "NoSuchTableException", lake.KindView: "NoSuchViewException", lake.KindNamespace: "NoSuchNamespaceException"}[missing.Kind], err.Error()}
	case errors.As(err, &taken):
		return &refusal{http.StatusConflict, "AlreadyExistsException", err.Error()}
	case errors.As(err, &full):
		return &refusal{http.StatusConflict, "NamespaceNotEmptyException", err.Error()}
	case errors.As(err, &requirement):
		return &refusal{http.StatusConflict, "CommitFailedException", err.Error()}
	case errors.Is(err, lake.ErrConflict):
		return &refusal{http.StatusConflict, "CommitFailedException", "other commits came first, again and again: try once more. " + err.Error()}
	case errors.As(err, &invalid), errors.As(err, &place):
		return &refusal{http.StatusBadRequest, "IllegalArgumentException", err.Error()}
	case errors.As(err, &lost):
		return &refusal{http.StatusNotFound, "NotFoundException", err.Error()}
	}
	return nil
}

// write answers with the error.
func (r *refusal) write(w http.ResponseWriter, of *http.Request) { answer(w, r.status, r.body(of)) }

// body is the error as Iceberg's OpenAPI document has it.
func (r *refusal) body(of *http.Request) any {
	if strings.HasSuffix(of.URL.Path, "/oauth/tokens") {
		return map[string]string{"error": r.kind, "error_description": r.message}
	}
	type model struct {
		Message string `json:"message"`
		Type    string `json:"type"`
		Code    int    `json:"code"`
	}
	return map[string]model{"error": {r.message, r.kind, r.status}}
}

// answer writes a body of JSON.
func answer(w http.ResponseWriter, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"error":{"message":"the answer cannot be written","type":"InternalServerError","code":500}}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b) // the other side may have gone
}

// done answers a call that has nothing to say.
func done(w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) }
