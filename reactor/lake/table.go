package lake

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/apache/iceberg-go"
	icebergio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
)

// Table is a table at one point of its history: the metadata that its pointer named when it was read.
type Table struct {
	Name     string // namespace.table
	Location string // of the metadata
	Meta     table.Metadata
	store    *Store
	trunk    *Table // the table itself, if this one is what a branch shows of it
}

// iceberg returns the table as iceberg-go knows it, with the given FileIO.
func (t *Table) iceberg(fs icebergio.IO) *table.Table {
	return table.New(strings.Split(t.Name, "."), t.Meta, t.Location, func(context.Context) (icebergio.IO, error) { return fs, nil }, nil)
}

// Snapshot is the current snapshot, nil while nothing was ever written.
func (t *Table) Snapshot() *table.Snapshot { return t.Meta.CurrentSnapshot() }

// SnapshotID is the number of the current snapshot, 0 for none.
func (t *Table) SnapshotID() int64 {
	if s := t.Snapshot(); s != nil {
		return s.SnapshotID
	}
	return 0
}

// Sequence is the sequence number of the current snapshot, 0 for none. It grows with each commit of the table.
func (t *Table) Sequence() int64 {
	if s := t.Snapshot(); s != nil {
		return s.SequenceNumber
	}
	return 0
}

// SnapshotByID finds a snapshot that the table still keeps. 0 is the empty table.
func (t *Table) SnapshotByID(id int64) (*table.Snapshot, error) {
	if id == 0 {
		return nil, nil
	}
	s := t.Meta.SnapshotByID(id)
	if s == nil {
		return nil, fmt.Errorf("%s has no snapshot %d (any more): `reactor snapshots %s` lists those it has", t.Name, id, t.Name)
	}
	return s, nil
}

// Definition says what a table is made with.
type Definition struct {
	Name       string // namespace.table
	Schema     *iceberg.Schema
	Spec       iceberg.PartitionSpec
	Properties iceberg.Properties
	Order      []string            // columns that rows are sorted by within their month's file
	Former     map[string][]string // names that columns had before
}

// properties are those of every table. Retries are for other writers (Spark, PyIceberg) beside the reactor, half of whose commits
// would fail otherwise. Metrics are full, because truncated bounds of asset ids make files look as if they overlapped. zstd runs at
// level 1: files are 1 % larger than at the usual 3, and a rebuild takes 7 % less of the reactor's CPU time.
var properties = iceberg.Properties{
	"format-version":                        "2",
	"write.delete.mode":                     "copy-on-write",
	"write.update.mode":                     "copy-on-write",
	"write.merge.mode":                      "copy-on-write",
	"write.metadata.metrics.default":        "full",
	"write.target-file-size-bytes":          strconv.Itoa(16 << 20),
	"write.parquet.row-group-limit":         "131072",
	"write.parquet.compression-codec":       "zstd",
	"write.parquet.compression-level":       "1",
	"write.metadata.previous-versions-max":  "20",
	"commit.retry.num-retries":              "20",
	"commit.retry.min-wait-ms":              "20",
	"commit.retry.max-wait-ms":              "1000",
	"commit.manifest-merge.enabled":         "false",
	"compatibility.snapshot-id-inheritance": "true",
}

// properties returns those of every table with the definition's own.
func (d Definition) properties() iceberg.Properties {
	all := maps.Clone(properties)
	maps.Copy(all, d.Properties)
	return all
}

// newMetadata makes the metadata of an empty table below the lake's root.
func newMetadata(root string, d Definition) (table.Metadata, error) {
	name, err := parseName(d.Name)
	if err != nil {
		return nil, err
	}
	m, err := table.NewMetadata(d.Schema, &d.Spec, table.UnsortedSortOrder, root+"/"+name.folder(), d.properties())
	if err != nil {
		return nil, fmt.Errorf("define table %s: %w", d.Name, err)
	}
	return m, nil
}
