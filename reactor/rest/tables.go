package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"millrace/reactor/lake"
)

func (s *Server) listTables(w http.ResponseWriter, r *http.Request) error {
	return s.listKind(w, r, lake.KindTable)
}

func (s *Server) listKind(w http.ResponseWriter, r *http.Request, kind lake.Kind) error {
	namespace, err := namespaceOf(r)
	if err != nil {
		return err
	}
	p, err := pageOf(r)
	if err != nil {
		return err
	}
	names, err := s.Lake.List(r.Context(), kind, namespace, p.after, p.ask())
	if err != nil {
		return err
	}
	on, next := p.cut(names)
	all := []identifier{}
	for _, name := range on {
		all = append(all, named(namespace, name))
	}
	answer(w, http.StatusOK, map[string]any{"identifiers": all, "next-page-token": next})
	return nil
}

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
	if err := s.mayBecome("table", id); err != nil {
		return err
	}
	if err := s.Lake.Free(r.Context(), lake.KindTable, id); err != nil {
		return err
	}
	location, err := s.newLocation(r.Context(), id, body.Location)
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

// mayBecome refuses a name for a new table or view.
func (s *Server) mayBecome(kind string, id lake.Identifier) error {
	if err := checkName(kind, id.Name); err != nil {
		return err
	}
	if id.Owned() {
		return ownedBy("make "+kind+" "+id.String(), "a dataset or a model makes their tables; make yours in a namespace of your own")
	}
	return nil
}

func (s *Server) registerTable(w http.ResponseWriter, r *http.Request) error {
	id, body, err := s.registering("table", r)
	if err != nil {
		return err
	}
	t, err := s.Lake.Register(r.Context(), id, body.MetadataLocation, body.Overwrite)
	if err != nil {
		return err
	}
	return s.answerTable(w, r, id, t.Location)
}

// registering reads the call that takes a table or view into the catalog, and refuses what must not come in.
func (s *Server) registering(kind string, r *http.Request) (id lake.Identifier, body registration, err error) {
	namespace, err := namespaceOf(r)
	if err != nil {
		return id, body, err
	}
	if body, err = read[registration](r); err != nil {
		return id, body, err
	}
	id = lake.Identifier{Namespace: namespace, Name: body.Name}
	if err := s.mayBecome(kind, id); err != nil {
		return id, body, err
	}
	return id, body, s.checkRegistration(r.Context(), id, body.MetadataLocation)
}

// registration is the body of a call that takes a table or view into the catalog that another catalog made.
type registration struct {
	Name             string `json:"name"`
	MetadataLocation string `json:"metadata-location"`
	Overwrite        bool   `json:"overwrite"`
}

// checkRegistration refuses metadata that the server must not read for others, and metadata of a table or view that lies where none
// may: by its file, or by its own words. Anybody can write a file that says that it lies in bronze, and would get keys to it.
func (s *Server) checkRegistration(ctx context.Context, id lake.Identifier, location string) error {
	if location == "" {
		return bad("a registration needs a metadata-location")
	}
	if err := s.places.check(location); err != nil {
		return err
	}
	text, err := s.Lake.Metadata(ctx, location)
	if err != nil {
		return err
	}
	var says struct {
		Location string `json:"location"`
	}
	if err := json.Unmarshal(text, &says); err != nil {
		return &lake.InvalidError{Reason: fmt.Sprintf("%s is not the metadata of a table or view: %v", location, err)}
	}
	if err := s.checkPlace(ctx, id, lake.Home(location)); err != nil {
		return err
	}
	return s.checkPlace(ctx, id, says.Location)
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

func (s *Server) tableExists(w http.ResponseWriter, r *http.Request) error {
	id, err := tableOf(r)
	if err != nil {
		return err
	}
	if _, err := s.Lake.Locate(r.Context(), lake.KindTable, id); err != nil {
		return err
	}
	done(w)
	return nil
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

func (s *Server) renameTable(w http.ResponseWriter, r *http.Request) error {
	return s.rename(w, r, lake.KindTable)
}

func (s *Server) rename(w http.ResponseWriter, r *http.Request, kind lake.Kind) error {
	body, err := read[struct{ Source, Destination identifier }](r)
	if err != nil {
		return err
	}
	from, err := body.Source.parse()
	if err != nil {
		return err
	}
	to, err := body.Destination.parse()
	if err != nil {
		return err
	}
	if err := checkName("table", to.Name); err != nil {
		return err
	}
	if from.Owned() || to.Owned() {
		return ownedBy("rename "+from.String()+" to "+to.String(), "it would make the table anew under its old name")
	}
	if err := s.Lake.Rename(r.Context(), kind, from, to); err != nil {
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
