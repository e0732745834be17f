package rest

import (
	"context"
	"errors"
	"net/http"

	"millrace/reactor/access"
)

type roleKey struct{}

// known lets only those call serve whose token is a role's, and only roles that may write where it changes something.
func known(serve call, changes bool) call {
	return func(s *Server, w http.ResponseWriter, r *http.Request) error {
		role, err := s.Tokens.Role(r)
		if err != nil {
			w.Header().Set("WWW-Authenticate", `Bearer realm="millrace"`)
			return &refusal{http.StatusUnauthorized, "NotAuthorizedException", err.Error()}
		}
		if changes && !role.MayWrite() {
			return &refusal{http.StatusForbidden, "ForbiddenException", "role " + string(role) + " may read and not write: the owner's token writes"}
		}
		return serve(s, w, r.WithContext(context.WithValue(r.Context(), roleKey{}, role)))
	}
}

// roleOf is the role of who asks.
func roleOf(r *http.Request) access.Role {
	role, _ := r.Context().Value(roleKey{}).(access.Role)
	return role
}

// answering turns the error of serve into an answer.
func (s *Server) answering(serve call) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := serve(s, w, r)
		if err == nil {
			return
		}
		refused := refusalOf(err, r)
		if refused.status >= http.StatusInternalServerError && !errors.Is(err, context.Canceled) {
			s.Log.Error("a call of the Iceberg catalog failed", "method", r.Method, "path", r.URL.Path, "error", err)
		}
		refused.write(w, r)
	})
}
