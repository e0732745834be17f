package tables

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"millrace/reactor/lake"
	"millrace/reactor/silver"
)

// A table of silver says in its properties which definition made its rows. A table of an earlier release does not: then the first start
// takes its rows for those of the definition that is there.
const (
	// digestProperty has the digest of the definition.
	digestProperty = "millrace.definition-digest"
	// keyProperty has the columns of the key, in the order of the alphabet. Rows under another key are another table.
	keyProperty = "millrace.definition-key"
	// sinceProperty has the sequence number that the table had when its definition changed last. Snapshots up to it hold the rows of a
	// former one.
	sinceProperty = "millrace.definition-since"
	// keySinceProperty has the sequence number that the table had when a branch made it anew by another key. Snapshots up to it hold rows
	// under a former one.
	keySinceProperty = "millrace.definition-key-since"
	// partitionProperty has the partition that a definition gave the table last. It is there once that has changed. What another engine
	// made of the partitions meanwhile stays.
	partitionProperty = "millrace.definition-partition"
)

// defined are the properties of a dataset's table.
func defined(d *silver.Dataset) iceberg.Properties {
	return iceberg.Properties{digestProperty: d.Digest(), keyProperty: strings.Join(slices.Sorted(slices.Values(d.Key)), ",")}
}

// Anew are the properties that a table gets which a branch makes anew by a definition.
func Anew(meta table.Metadata, d *silver.Dataset) iceberg.Properties {
	set := defined(d)
	set[sinceProperty] = strconv.FormatInt(meta.LastSequenceNumber(), 10)
	set[keySinceProperty] = set[sinceProperty]
	return set
}

// Redefines tells whether properties that wait on a branch give a table another definition than it has.
func Redefines(meta table.Metadata, waiting iceberg.Properties) bool {
	digest, waits := waiting[digestProperty]
	return waits && digest != meta.Properties()[digestProperty]
}

// MadeAnew tells whether a branch made a table anew, by the properties that wait on it.
func MadeAnew(waiting iceberg.Properties) bool { return waiting[digestProperty] != "" }

// DefinedBy tells whether a definition made the rows of a table, as far as the table says.
func DefinedBy(meta table.Metadata, d *silver.Dataset) bool {
	is, there := meta.Properties()[digestProperty]
	return !there || is == d.Digest()
}

// Former tells whether a table is rolled back to a snapshot that holds the rows of a former definition, and returns the properties by
// which it is known that this was seen.
func Former(t *lake.Table) (iceberg.Properties, bool) {
	since, err := strconv.ParseInt(t.Meta.Properties()[sinceProperty], 10, 64)
	last := t.Meta.LastSequenceNumber()
	if err != nil || t.Sequence() > since || last <= since {
		return nil, false
	}
	return iceberg.Properties{sinceProperty: strconv.FormatInt(last, 10)}, true
}

// MadeBefore tells whether a former definition made the rows of a snapshot.
func MadeBefore(meta table.Metadata, s *table.Snapshot) bool { return until(meta, s, sinceProperty) }

// Rekeyed tells whether the rows of a snapshot are those of a former key. They cannot be mended: two of them may be one row by the key of
// now.
func Rekeyed(meta table.Metadata, s *table.Snapshot) bool { return until(meta, s, keySinceProperty) }

func until(meta table.Metadata, s *table.Snapshot, property string) bool {
	since, err := strconv.ParseInt(meta.Properties()[property], 10, 64)
	return err == nil && s != nil && s.SequenceNumber <= since
}

// Redefined tells whether a table has ever got another definition. One that never has needs no look at the ledger, which may be long.
func Redefined(t *lake.Table) bool { return t != nil && t.Meta.Properties()[sinceProperty] != "" }

// outdated counts the objects of a table that are left to be read again.
func outdated(ctx context.Context, l *lake.Lake, t *lake.Table) (int, error) {
	if !Redefined(t) {
		return 0, nil
	}
	return l.Outdated(ctx, t.Name)
}

// Rereads says of a table whose objects are read again how many are left, "" where none is.
func Rereads(ctx context.Context, l *lake.Lake, t *lake.Table) (string, error) {
	n, err := outdated(ctx, l, t)
	if err != nil || n == 0 {
		return "", err
	}
	return fmt.Sprintf("its definition has changed: %d objects that the former one read are left to be read again", n), nil
}

// redefined compares what a table says of its definition with the definition, and adds what differs to its growth.
func (g *Growth) redefined(meta table.Metadata, d lake.Definition) {
	is := meta.Properties()
	set := func(property, value string) {
		if g.Properties == nil {
			g.Properties = iceberg.Properties{}
		}
		g.Properties[property] = value
	}
	if key, there := is[keyProperty]; there && key != d.Properties[keyProperty] {
		set(keyProperty, d.Properties[keyProperty])
		if s := meta.CurrentSnapshot(); s != nil && lake.Total(s, lake.TotalRows) != int64(0) { // without rows it is no other table
			g.Key = &ColumnChange{Was: strings.ReplaceAll(key, ",", ", "), Is: strings.ReplaceAll(d.Properties[keyProperty], ",", ", ")}
		}
	}
	if digest, there := is[digestProperty]; there && digest != d.Properties[digestProperty] {
		g.Redefined = true
		set(digestProperty, d.Properties[digestProperty])
		set(sinceProperty, strconv.FormatInt(meta.LastSequenceNumber(), 10))
	}
	schema := meta.CurrentSchema()
	if g.Schema != nil {
		schema = g.Schema
	}
	was, there := is[partitionProperty]
	if specs := meta.PartitionSpecs(); !there {
		first := slices.MinFunc(specs, func(a, b iceberg.PartitionSpec) int { return a.ID() - b.ID() })
		was = lake.PartitionText(lake.PartitionsOf(schema, first))
	}
	parts := lake.PartitionsOf(d.Schema, d.Spec)
	wanted := lake.PartitionText(parts)
	if was == wanted {
		return
	}
	set(partitionProperty, wanted)
	if now := lake.PartitionText(lake.PartitionsOf(schema, meta.PartitionSpec())); now != wanted {
		g.Partition, g.Divided = parts, &ColumnChange{Was: now, Is: wanted}
	}
}
