package rest

import (
	"net/http"
	"strings"

	"millrace/infra/settings"
)

// tokenLife is how long a client may use a token before it asks again. A token has no end: it is asked for again so that a client
// learns of a new one.
const tokenLife = 3600

// largestForm bounds the body of a call for a token, which anybody may make.
const largestForm = 64 << 10

// exchangeToken is OAuth2's call for client credentials, which clients make that were given a credential and no token. The secret of a
// role is its token; the id is the role's name, or empty. Clients that were given a token exchange it for another, and get the same.
func (s *Server) exchangeToken(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, largestForm)
	if err := r.ParseForm(); err != nil {
		return &refusal{http.StatusBadRequest, "invalid_request", "the form cannot be read: " + err.Error()}
	}
	w.Header().Set("Cache-Control", "no-store")
	id, secret := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	switch grant := r.PostForm.Get("grant_type"); grant {
	case "client_credentials":
		if user, password, ok := r.BasicAuth(); ok {
			id, secret = user, password
		}
	case "urn:ietf:params:oauth:grant-type:token-exchange":
		id, secret = "", r.PostForm.Get("subject_token")
	default:
		return &refusal{http.StatusBadRequest, "unsupported_grant_type", "grant_type must be client_credentials or token-exchange, not " + strings.ToValidUTF8(grant, "?")}
	}
	if _, err := s.Tokens.Exchange(id, settings.Secret(secret)); err != nil {
		return &refusal{http.StatusUnauthorized, "invalid_client", err.Error()}
	}
	answer(w, http.StatusOK, map[string]any{
		"access_token": secret, "token_type": "bearer", "expires_in": tokenLife,
		"issued_token_type": "urn:ietf:params:oauth:token-type:access_token", "scope": r.PostForm.Get("scope"),
	})
	return nil
}
