package rest

import (
	"encoding/json"
	"net/http"

	"github.com/apache/iceberg-go/table"

	"millrace/reactor/lake"
)

// change is the body of a commit to one table.
type change struct {
	Identifier   *identifier     `json:"identifier"`
	Requirements requirements    `json:"requirements"`
	Updates      json.RawMessage `json:"updates"`
}

// request makes a lake's request of a change that an engine asks for.
func (s *Server) request(r *http.Request, id lake.Identifier, c change) (lake.Request, error) {
	ctx := r.Context()
	if len(c.Updates) == 0 {
		c.Updates = json.RawMessage("[]")
	}
	signed, err := engineOf(r).sign(c.Updates)
	if err != nil {
		return lake.Request{}, bad("the updates cannot be read: " + err.Error())
	}
	var updates table.Updates
	if err := json.Unmarshal(signed, &updates); err != nil {
		return lake.Request{}, bad("the updates cannot be read: " + err.Error())
	}
	create, err := c.Requirements.create()
	if err != nil {
		return lake.Request{}, err
	}
	if create {
		if err := s.mayBecome(lake.KindTable, id); err != nil {
			return lake.Request{}, err
		}
	}
	return lake.Request{
		Table: id, Create: create, Require: c.Requirements.check, Updates: signed,
		Allow: func(base, next table.Metadata) error {
			if base == nil {
				return s.checkMove(ctx, id, nil, next)
			}
			if base.TableUUID() != next.TableUUID() { // other clients, and the reactor, would take it for another table
				return &lake.InvalidError{Reason: "a table keeps its uuid: " + id.String() + " has " + base.TableUUID().String()}
			}
			if id.Owned() && lake.IDOf(base.CurrentSnapshot()) != lake.IDOf(next.CurrentSnapshot()) {
				if err := s.Lake.Plannable(ctx, id, next); err != nil {
					return err
				}
			}
			return s.checkMove(ctx, id, base, next)
		},
	}, nil
}

func (s *Server) commitTable(w http.ResponseWriter, r *http.Request) error {
	id, err := tableOf(r)
	if err != nil {
		return err
	}
	body, err := read[change](r)
	if err != nil {
		return err
	}
	if body.Identifier != nil {
		if named, err := body.Identifier.parse(); err != nil || named != id {
			return bad("the body names another table than the path: " + named.String() + " and " + id.String())
		}
	}
	request, err := s.request(r, id, body)
	if err != nil {
		return err
	}
	all, err := s.Lake.Apply(r.Context(), request)
	if err != nil {
		return err
	}
	return s.answerTable(w, r, id, all[0].Location)
}

// commitTransaction commits to several tables, in one transaction of the catalog's database.
func (s *Server) commitTransaction(w http.ResponseWriter, r *http.Request) error {
	body, err := read[struct {
		Changes []change `json:"table-changes"`
	}](r)
	if err != nil {
		return err
	}
	var all []lake.Request
	seen := map[lake.Identifier]bool{}
	for _, c := range body.Changes {
		if c.Identifier == nil {
			return bad("each change of a transaction must name its table")
		}
		id, err := c.Identifier.parse()
		if err != nil {
			return err
		}
		if seen[id] {
			return bad("a transaction may change a table once, and this one changes " + id.String() + " twice")
		}
		seen[id] = true
		request, err := s.request(r, id, c)
		if err != nil {
			return err
		}
		all = append(all, request)
	}
	if len(all) == 0 {
		return bad("a transaction needs table-changes")
	}
	if _, err := s.Lake.Apply(r.Context(), all...); err != nil {
		return err
	}
	done(w)
	return nil
}
