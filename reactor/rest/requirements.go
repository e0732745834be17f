package rest

import (
	"encoding/json"
	"fmt"

	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"

	"millrace/reactor/lake"
)

// requirement is what a commit requires of a table, with the fields of all kinds.
type requirement struct {
	Type               string    `json:"type"`
	UUID               uuid.UUID `json:"uuid"`
	Ref                string    `json:"ref"`
	SnapshotID         *int64    `json:"snapshot-id"`
	LastFieldID        int       `json:"last-assigned-field-id"`
	CurrentSchemaID    int       `json:"current-schema-id"`
	LastPartitionID    int       `json:"last-assigned-partition-id"`
	DefaultSpecID      int       `json:"default-spec-id"`
	DefaultSortOrderID int       `json:"default-sort-order-id"`
}

// requirements are what a commit requires of a table as it is.
type requirements []requirement

// assertCreate is the requirement that the table is not there.
const assertCreate = "assert-create"

// UnmarshalJSON refuses a requirement that nobody knows or that lacks a field: iceberg-go's own types say so.
func (all *requirements) UnmarshalJSON(b []byte) error {
	var known table.Requirements
	if err := json.Unmarshal(b, &known); err != nil {
		return err
	}
	return json.Unmarshal(b, (*[]requirement)(all))
}

// create tells whether the table must not be there. Nothing else can be required then.
func (all requirements) create() (bool, error) {
	for _, q := range all {
		if q.Type == assertCreate {
			if len(all) > 1 {
				return true, bad("a commit that makes a table can require nothing but assert-create")
			}
			return true, nil
		}
	}
	return false, nil
}

// check says what a table is not that it should be, in the words of Iceberg's reference server: clients look for them.
func (all requirements) check(m table.Metadata) error {
	for _, q := range all {
		if reason := q.fails(m); reason != "" {
			return &lake.RequirementError{Reason: reason}
		}
	}
	return nil
}

func (q requirement) fails(m table.Metadata) string {
	changed := func(what string, expected, is int) string {
		if expected == is {
			return ""
		}
		return fmt.Sprintf("%s changed: expected id %d != %d", what, expected, is)
	}
	switch q.Type {
	case "assert-table-uuid":
		if m.TableUUID() != q.UUID {
			return fmt.Sprintf("UUID does not match: expected %s != %s", m.TableUUID(), q.UUID)
		}
	case "assert-ref-snapshot-id":
		return q.failsRef(m)
	case "assert-last-assigned-field-id":
		return changed("last assigned field id", q.LastFieldID, m.LastColumnID())
	case "assert-current-schema-id":
		return changed("current schema", q.CurrentSchemaID, m.CurrentSchema().ID)
	case "assert-last-assigned-partition-id":
		last := 0
		if id := m.LastPartitionSpecID(); id != nil {
			last = *id
		}
		return changed("last assigned partition id", q.LastPartitionID, last)
	case "assert-default-spec-id":
		return changed("default partition spec", q.DefaultSpecID, m.DefaultPartitionSpec())
	case "assert-default-sort-order-id":
		return changed("default sort order", q.DefaultSortOrderID, m.DefaultSortOrder())
	}
	return ""
}

func (q requirement) failsRef(m table.Metadata) string {
	for name, ref := range m.Refs() {
		if name != q.Ref {
			continue
		}
		switch {
		case q.SnapshotID == nil:
			return fmt.Sprintf("%s %s was created concurrently", ref.SnapshotRefType, name)
		case *q.SnapshotID != ref.SnapshotID:
			return fmt.Sprintf("%s %s has changed: expected id %d != %d", ref.SnapshotRefType, name, *q.SnapshotID, ref.SnapshotID)
		}
		return ""
	}
	if q.SnapshotID != nil {
		return fmt.Sprintf("branch or tag %s is missing, expected %d", q.Ref, *q.SnapshotID)
	}
	return ""
}
