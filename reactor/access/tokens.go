package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"millrace/infra/settings"
)

var (
	// ErrNoToken is the error of a request that brings no bearer token.
	ErrNoToken = errors.New("the request brings no token: send the header Authorization: Bearer …, with the MILLRACE_ICEBERG_TOKEN that `stack env` prints")
	// ErrWrongToken is the error of a token, or a secret, that is nobody's.
	ErrWrongToken = errors.New("the token is nobody's: `stack env --role` prints the one of each role as MILLRACE_ICEBERG_TOKEN")
)

// shortestToken keeps out what can be guessed.
const shortestToken = 16

// Tokens knows the token of each role by its hash. The zero value lets nobody in.
type Tokens struct {
	hashes []roleHash
}

type roleHash struct {
	role Role
	hash [sha256.Size]byte
}

// NewTokens takes the roles' tokens; a role without one is let in nowhere.
func NewTokens(s settings.Tokens) (Tokens, error) {
	var t Tokens
	for _, given := range []struct {
		role  Role
		token settings.Secret
	}{{Owner, s.Owner}, {Analyst, s.Analyst}, {Reporter, s.Reporter}} {
		token := given.token.Reveal()
		variable := "MILLRACE_" + strings.ToUpper(string(given.role)) + "_TOKEN"
		if token == "" {
			continue
		}
		if len(token) < shortestToken || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return Tokens{}, fmt.Errorf("the token of role %s (%s) must have %d characters or more, all of them printable ASCII, and no space", given.role, variable, shortestToken)
		}
		hash := sha256.Sum256([]byte(token))
		if other, ok := t.find(hash); ok {
			return Tokens{}, fmt.Errorf("the roles %s and %s have the same token: give %s another one", other, given.role, variable)
		}
		t.hashes = append(t.hashes, roleHash{given.role, hash})
	}
	return t, nil
}

// Any tells whether anybody has a token.
func (t Tokens) Any() bool { return len(t.hashes) > 0 }

// Role returns whose token the request brings. The error is ErrNoToken or ErrWrongToken.
func (t Tokens) Role(r *http.Request) (Role, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || strings.TrimSpace(token) == "" {
		return "", ErrNoToken
	}
	return t.role(strings.TrimSpace(token))
}

// Exchange is OAuth2's call for client credentials: it returns the role, which the caller may name as client id, whose secret this
// is. The secret is the role's token itself.
func (t Tokens) Exchange(id string, secret settings.Secret) (Role, error) {
	role, err := t.role(secret.Reveal())
	if err == nil && id != "" && id != string(role) {
		return "", ErrWrongToken
	}
	return role, err
}

func (t Tokens) role(token string) (Role, error) {
	role, ok := t.find(sha256.Sum256([]byte(token)))
	if !ok {
		return "", ErrWrongToken
	}
	return role, nil
}

// find compares with every hash, in constant time: how long an answer takes tells nothing about a token.
func (t Tokens) find(hash [sha256.Size]byte) (role Role, ok bool) {
	for _, known := range t.hashes {
		if subtle.ConstantTimeCompare(known.hash[:], hash[:]) == 1 {
			role, ok = known.role, true
		}
	}
	return role, ok
}
