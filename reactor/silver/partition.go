package silver

import (
	"fmt"
	"slices"

	"github.com/apache/iceberg-go"
)

// Partition says how the files of a dataset's table are divided. The zero value is the month of observed_at.
type Partition struct {
	By PartitionBy
	// Column is that of Identity and Bucket; the others go by observed_at.
	Column string
	// Buckets is how many a Bucket has.
	Buckets int
}

// PartitionBy names a division of Iceberg's.
type PartitionBy string

// The divisions.
const (
	Month         PartitionBy = ""
	Year          PartitionBy = "year"
	Day           PartitionBy = "day"
	Hour          PartitionBy = "hour"
	Identity      PartitionBy = "identity"
	Bucket        PartitionBy = "bucket"
	Unpartitioned PartitionBy = "none"
)

// maxBuckets bounds the files that one commit may write beside each other.
const maxBuckets = 256

// String is the division as a definition writes it.
func (p Partition) String() string {
	switch p.By {
	case Month:
		return "month"
	case Identity:
		return "identity(" + p.Column + ")"
	case Bucket:
		return fmt.Sprintf("bucket(%d, %s)", p.Buckets, p.Column)
	}
	return string(p.By)
}

// check holds a division to the columns that there are.
func (p Partition) check(columns []Field) error {
	i := slices.IndexFunc(columns, func(f Field) bool { return f.Column == p.Column })
	switch p.By {
	case Month, Year, Day, Hour, Unpartitioned:
		return nil
	case Identity, Bucket:
		if i < 0 {
			return fmt.Errorf("the partition %s: %q is no column", p, p.Column)
		}
	default:
		return fmt.Errorf("the partition %q: known are month, day, year, hour, identity(column), bucket(n, column) and none", string(p.By))
	}
	f := &columns[i]
	if f.nests() || f.Type == TextLists || f.Type == JSON || f.Type == Double || p.By == Bucket && f.Type == Boolean {
		return fmt.Errorf("the partition %s: the column is a %s, by which files cannot be divided so", p, f.Type)
	}
	if p.By == Bucket && (p.Buckets < 2 || p.Buckets > maxBuckets) {
		return fmt.Errorf("the partition %s: there are 2 to %d buckets", p, maxBuckets)
	}
	return nil
}

// PartitionSpec of a new table.
func (d *Dataset) PartitionSpec() iceberg.PartitionSpec {
	column, name, transform := partitionColumn, partitionColumn+"_"+string(d.Partition.By), iceberg.Transform(nil)
	switch d.Partition.By {
	case Month:
		return monthOf(d.Schema(), partitionColumn)
	case Year:
		transform = iceberg.YearTransform{}
	case Day:
		transform = iceberg.DayTransform{}
	case Hour:
		transform = iceberg.HourTransform{}
	case Identity:
		column, name, transform = d.Partition.Column, d.Partition.Column, iceberg.IdentityTransform{}
	case Bucket:
		column, name, transform = d.Partition.Column, d.Partition.Column+"_bucket", iceberg.BucketTransform{NumBuckets: d.Partition.Buckets}
	default:
		return *iceberg.UnpartitionedSpec
	}
	return partitionBy(d.Schema(), column, name, transform)
}

func monthOf(schema *iceberg.Schema, column string) iceberg.PartitionSpec {
	return partitionBy(schema, column, column+"_month", iceberg.MonthTransform{})
}

func partitionBy(schema *iceberg.Schema, column, name string, transform iceberg.Transform) iceberg.PartitionSpec {
	f, ok := schema.FindFieldByName(column)
	if !ok {
		panic(fmt.Sprintf("silver: partition by %s: no column %s", transform, column))
	}
	return iceberg.NewPartitionSpec(iceberg.PartitionField{SourceIDs: []int{f.ID}, FieldID: firstPartitionID, Name: name, Transform: transform})
}
