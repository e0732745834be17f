package rest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"millrace/reactor/lake"
)

// tag is the ETag of an answer with the metadata at location; refs tells that it has only snapshots with a branch or tag.
func tag(location string, refs bool) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %v", location, refs))
	return `"` + hex.EncodeToString(sum[:16]) + `"`
}

// unchanged tells whether the client has the metadata with the tag.
func unchanged(r *http.Request, tag string) bool {
	for _, has := range strings.Split(r.Header.Get("If-None-Match"), ",") {
		if has = strings.TrimPrefix(strings.TrimSpace(has), "W/"); has == tag || has == strings.Trim(tag, `"`) || has == "*" {
			return true
		}
	}
	return false
}

// answerTable answers with the metadata of a table at location. The metadata goes out as the file has it: to parse and write that of a
// thousand snapshots takes longer than everything else.
func (s *Server) answerTable(w http.ResponseWriter, r *http.Request, id lake.Identifier, location string) error {
	metadata, err := s.Lake.Metadata(r.Context(), location)
	if err != nil {
		return err
	}
	refs := r.Method == http.MethodGet && r.URL.Query().Get("snapshots") == "refs"
	etag := tag(location, refs)
	if refs {
		if metadata, err = s.shortened(location, metadata); err != nil {
			return fmt.Errorf("read %s: %w", location, err)
		}
	}
	return s.answerMetadata(w, r, loaded{id: id, location: location, metadata: metadata, etag: etag})
}

// loaded is a table as an answer has it.
type loaded struct {
	id       lake.Identifier
	location string // of the metadata, "" where it is not committed
	metadata []byte
	etag     string
}

func (s *Server) answerMetadata(w http.ResponseWriter, r *http.Request, t loaded) error {
	lent, err := s.lend(r, t)
	if err != nil {
		return err
	}
	tail := map[string]any{"config": lent.config}
	if len(lent.credentials) > 0 {
		tail["storage-credentials"] = lent.credentials
	}
	if t.location != "" {
		tail["metadata-location"] = t.location
	}
	end, err := json.Marshal(tail)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	if t.etag != "" {
		w.Header().Set("ETag", t.etag)
	}
	w.WriteHeader(http.StatusOK)
	for _, part := range [][]byte{[]byte(`{"metadata":`), t.metadata, []byte(","), end[1:]} {
		if _, err := w.Write(part); err != nil {
			return nil // the other side has gone
		}
	}
	return nil
}

// shortened is the metadata at location without the snapshots that neither a branch nor a tag names. It remembers what is short: to take
// a thousand snapshots apart takes as long as many loads.
func (s *Server) shortened(location string, metadata []byte) ([]byte, error) {
	if short, ok := s.short.Get(location); ok {
		return short, nil
	}
	short, err := onlyRefs(metadata)
	if err == nil && len(short) <= shortDocument {
		s.short.Add(location, short)
	}
	return short, err
}

// onlyRefs leaves out of a table's metadata the snapshots that neither a branch nor a tag names.
func onlyRefs(metadata []byte) ([]byte, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(metadata, &fields); err != nil {
		return nil, err
	}
	var refs map[string]snapshotID
	if err := optional(fields["refs"], &refs); err != nil {
		return nil, err
	}
	named := map[int64]bool{}
	for _, ref := range refs {
		named[ref.ID] = true
	}
	var current int64 // metadata of format 1 may name main in no other way
	if err := optional(fields["current-snapshot-id"], &current); err != nil {
		return nil, err
	}
	named[current] = true
	var snapshots []json.RawMessage
	if err := optional(fields["snapshots"], &snapshots); err != nil {
		return nil, err
	}
	kept := []json.RawMessage{}
	for _, text := range snapshots {
		var snapshot snapshotID
		if err := json.Unmarshal(text, &snapshot); err != nil {
			return nil, err
		}
		if named[snapshot.ID] {
			kept = append(kept, text)
		}
	}
	text, err := json.Marshal(kept)
	if err != nil {
		return nil, err
	}
	fields["snapshots"] = text
	return json.Marshal(fields)
}

type snapshotID struct {
	ID int64 `json:"snapshot-id"`
}

// optional reads a field that may be missing.
func optional(text json.RawMessage, into any) error {
	if len(text) == 0 {
		return nil
	}
	return json.Unmarshal(text, into)
}

// home reads where a table lies out of its metadata. It remembers: to read a long file for one field takes as long as to send it.
func (s *Server) home(t loaded) (string, error) {
	if home, ok := s.homes.Get(t.location); ok && t.location != "" {
		return home, nil
	}
	var m struct{ Location string }
	if err := json.Unmarshal(t.metadata, &m); err != nil {
		return "", fmt.Errorf("read the metadata of %s: %w", t.id, err)
	}
	s.homes.Add(t.location, m.Location)
	return m.Location, nil
}
