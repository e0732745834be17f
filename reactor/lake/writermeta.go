package lake

import (
	"iter"
	"maps"

	"github.com/apache/iceberg-go"
	icebergio "github.com/apache/iceberg-go/io"
	"github.com/apache/iceberg-go/table"
)

// dictionaryOf is the property that says whether a column of Parquet files is written as a dictionary.
const dictionaryOf = "write.parquet.dict-encoding-enabled.column."

// writerMeta is a table's metadata for those who write its data files. They need the schema, the partitioning and the properties. The
// snapshots are left out, because the writer would copy all of them for each commit.
type writerMeta struct {
	table.Metadata
	properties iceberg.Properties
}

// newWriterMeta turns dictionaries off for columns that are no texts, unless the table says something about the column. Numbers and
// times rarely repeat: the writer made a dictionary of each file's column, found that it did not pay, and wrote the values plainly after
// all. That was a quarter of the time that writing took.
func newWriterMeta(meta table.Metadata) writerMeta {
	w := writerMeta{meta, maps.Clone(meta.Properties())}
	if w.properties == nil {
		w.properties = iceberg.Properties{}
	}
	for _, f := range meta.CurrentSchema().Fields() {
		if _, said := w.properties[dictionaryOf+f.Name]; said || f.Type.Equals(iceberg.PrimitiveTypes.String) {
			continue
		}
		if _, primitive := f.Type.(iceberg.PrimitiveType); primitive {
			w.properties[dictionaryOf+f.Name] = "false"
		}
	}
	return w
}

func (w writerMeta) Properties() iceberg.Properties     { return w.properties }
func (w writerMeta) Snapshots() []table.Snapshot        { return nil }
func (w writerMeta) CurrentSnapshot() *table.Snapshot   { return nil }
func (w writerMeta) SnapshotByID(int64) *table.Snapshot { return nil }
func (w writerMeta) Refs() iter.Seq2[string, table.SnapshotRef] {
	return maps.All(map[string]table.SnapshotRef{})
}
func (w writerMeta) SnapshotLogs() iter.Seq[table.SnapshotLogEntry] {
	return func(func(table.SnapshotLogEntry) bool) {}
}
func (w writerMeta) PreviousFiles() iter.Seq[table.MetadataLogEntry] {
	return func(func(table.MetadataLogEntry) bool) {}
}

// toWrite returns the table as iceberg-go's writer of data files knows it.
func (t *Table) toWrite(fs icebergio.IO) *table.Table {
	return (&Table{Name: t.Name, Location: t.Location, Meta: newWriterMeta(t.Meta)}).iceberg(fs)
}
