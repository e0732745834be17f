package rest

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"millrace/reactor/access"
	"millrace/reactor/lake"
)

// delegation is the header by which a client asks for keys to a table's files.
const delegation = "X-Iceberg-Access-Delegation"

// credential is a pair of keys as an answer has it.
type credential struct {
	Prefix string            `json:"prefix"`
	Config map[string]string `json:"config"`
}

// lent is what a client gets to reach a table's files.
type lent struct {
	config      map[string]string
	credentials []credential
}

// lend gives keys for the folder of a table to a client that asks for keys. A client that does not ask uses keys of its own.
func (s *Server) lend(r *http.Request, t loaded) (lent, error) {
	l := lent{config: map[string]string{}}
	maps.Copy(l.config, s.Client)
	if !asksForKeys(r) {
		return l, nil
	}
	var err error
	if l.credentials, err = s.keysTo(r.Context(), roleOf(r), t); err != nil || len(l.credentials) == 0 {
		return l, err
	}
	maps.Copy(l.config, l.credentials[0].Config) // where clients of before storage-credentials look for them
	return l, nil
}

func asksForKeys(r *http.Request) bool {
	for _, way := range strings.Split(r.Header.Get(delegation), ",") {
		if strings.TrimSpace(way) == "vended-credentials" {
			return true
		}
	}
	return false
}

// keysTo returns keys for the folder of a table, none where nobody lends keys for it.
func (s *Server) keysTo(ctx context.Context, role access.Role, t loaded) ([]credential, error) {
	home, err := s.home(t)
	if err != nil || s.Keys == nil {
		return []credential{}, err
	}
	keys, err := s.Keys(ctx, role, home)
	place := (*access.PlaceError)(nil)
	if errors.As(err, &place) { // another catalog made it elsewhere, or it is a file
		return []credential{}, nil
	}
	if err != nil {
		return nil, &refusal{http.StatusServiceUnavailable, "ServiceUnavailableException", "no keys for " + t.id.String() + " now: " + err.Error()}
	}
	return []credential{{strings.TrimRight(home, "/") + "/", map[string]string{
		"s3.access-key-id": keys.AccessKey, "s3.secret-access-key": keys.SecretKey.Reveal(), "s3.session-token": keys.SessionToken.Reveal(),
		"s3.session-token-expires-at-ms":      strconv.FormatInt(keys.Expires.UnixMilli(), 10),
		"client.refresh-credentials-endpoint": pathOf(t.id) + "/credentials",
	}}}, nil
}

// pathOf is the path of a table below the catalog's address.
func pathOf(id lake.Identifier) string {
	return "v1/namespaces/" + url.PathEscape(strings.Join(levels(id.Namespace), separator)) + "/tables/" + url.PathEscape(id.Name)
}

// credentials answers with new keys: those that a client has expire.
func (s *Server) credentials(w http.ResponseWriter, r *http.Request) error {
	id, err := tableOf(r)
	if err != nil {
		return err
	}
	location, err := s.Lake.Locate(r.Context(), lake.KindTable, id)
	if err != nil {
		return err
	}
	metadata, err := s.Lake.Metadata(r.Context(), location)
	if err != nil {
		return err
	}
	all, err := s.keysTo(r.Context(), roleOf(r), loaded{id: id, location: location, metadata: metadata})
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, map[string]any{"storage-credentials": all})
	return nil
}
