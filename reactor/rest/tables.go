package rest

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"millrace/reactor/lake"
)

// newTable is the body of a call that makes a table.
type newTable struct {
	Name          string                        `json:"name"`
	Location      string                        `json:"location"`
	Schema        *iceberg.Schema               `json:"schema"`
	PartitionSpec *iceberg.UnboundPartitionSpec `json:"partition-spec"`
	WriteOrder    *table.UnboundSortOrder       `json:"write-order"`
	StageCreate   bool                          `json:"stage-create"`
	Properties    iceberg.Properties            `json:"properties"`
}

// metadata makes the metadata of the table, with fresh ids of columns.
func (n newTable) metadata(location string) (table.Metadata, error) {
	if n.Schema == nil {
		return nil, bad("a table needs a schema")
	}
	spec, order := iceberg.UnpartitionedSpec, table.UnsortedSortOrder
	if n.PartitionSpec != nil {
		spec = &n.PartitionSpec.PartitionSpec
	}
	if n.WriteOrder != nil {
		order = n.WriteOrder.SortOrder
	}
	m, err := table.NewMetadata(n.Schema, spec, order, location, n.Properties)
	if err != nil {
		return nil, &lake.InvalidError{Reason: "no table can be made like that: " + err.Error()}
	}
	return m, nil
}

func (s *Server) createTable(w http.ResponseWriter, r *http.Request) error {
	namespace, err := namespaceOf(r)
	if err != nil {
		return err
	}
	body, err := read[newTable](r)
	if err != nil {
		return err
	}
	id := lake.Identifier{Namespace: namespace, Name: body.Name}
	location, err := s.placeOfNew(r.Context(), lake.KindTable, id, body.Location)
	if err != nil {
		return err
	}
	m, err := body.metadata(location)
	if err != nil {
		return err
	}
	if err := s.checkMove(r.Context(), id, nil, m); err != nil {
		return err
	}
	if body.StageCreate {
		text, err := json.Marshal(m)
		if err != nil {
			return err
		}
		return s.answerMetadata(w, r, loaded{id: id, metadata: text})
	}
	t, err := s.Lake.CreateTable(r.Context(), id, m)
	if err != nil {
		return err
	}
	return s.answerTable(w, r, id, t.Location)
}

func (s *Server) registerTable(w http.ResponseWriter, r *http.Request) error {
	id, body, err := s.registering(lake.KindTable, r)
	if err != nil {
		return err
	}
	t, err := s.Lake.Register(r.Context(), id, body.MetadataLocation, body.Overwrite)
	if err != nil {
		return err
	}
	return s.answerTable(w, r, id, t.Location)
}

func (s *Server) loadTable(w http.ResponseWriter, r *http.Request) error {
	id, err := tableOf(r)
	if err != nil {
		return err
	}
	mode := r.URL.Query().Get("snapshots")
	if mode != "" && mode != "all" && mode != "refs" {
		return bad("snapshots must be all or refs")
	}
	location, err := s.Lake.Locate(r.Context(), lake.KindTable, id)
	if err != nil {
		return err
	}
	if etag := tag(location, mode == "refs"); unchanged(r, etag) {
		w.Header().Set("ETag", etag)
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return s.answerTable(w, r, id, location)
}

func (s *Server) dropTable(w http.ResponseWriter, r *http.Request) error {
	id, err := tableOf(r)
	if err != nil {
		return err
	}
	purge := false
	if text := r.URL.Query().Get("purgeRequested"); text != "" {
		if purge, err = strconv.ParseBool(text); err != nil {
			return bad("purgeRequested must be true or false")
		}
	}
	if _, err := s.Lake.Locate(r.Context(), lake.KindTable, id); err != nil {
		return err
	}
	if id.Owned() {
		return ownedBy("drop "+id.String(), "it would make the table anew; `reactor drop "+id.String()+"` drops a table of gold whose model is gone")
	}
	if !purge {
		err = s.Lake.Drop(r.Context(), lake.KindTable, id)
	} else if n, purgeErr := s.Lake.Purge(r.Context(), id); purgeErr == nil {
		s.Log.Info("a table was purged", "table", id.String(), "files", n)
	} else {
		err = purgeErr
	}
	if err != nil {
		return err
	}
	done(w)
	return nil
}

// reportMetrics takes what an engine measured of a scan or commit. Nothing is made of it.
func (s *Server) reportMetrics(w http.ResponseWriter, r *http.Request) error {
	id, err := tableOf(r)
	if err != nil {
		return err
	}
	report, err := read[struct {
		Type string `json:"report-type"`
	}](r)
	if err != nil {
		return err
	}
	if report.Type == "" {
		return bad("a report needs a report-type")
	}
	_, err = s.Lake.Locate(r.Context(), lake.KindTable, id)
	if missing := (*lake.MissingError)(nil); report.Type == "commit-report" && errors.As(err, &missing) {
		// Spark reports the commit of a staged table, as `create table … as select` makes it, before it makes the table.
		_, err = s.Lake.Namespace(r.Context(), id.Namespace)
	}
	if err != nil {
		return err
	}
	done(w)
	return nil
}
