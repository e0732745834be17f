package silver

import (
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/iceberg-go"

	"millrace/reactor/namespace"
)

// RejectedTable is where refused rows of every dataset go.
const RejectedTable = namespace.Rejected

// RejectedMonth is the column that `rejected` is partitioned by, by month: a refused row may have no other time.
const RejectedMonth = "source_modified_at"

// RejectedKey tells the rows of the table `rejected` apart.
func RejectedKey() []string { return []string{"source_key", "source_version", "source_row"} }

// RejectedSchema of the table `rejected`: one row for each refused row, its identity being (source_key, source_version,
// source_row).
func RejectedSchema() *iceberg.Schema {
	columns := []iceberg.NestedField{
		{Name: "dataset", Type: iceberg.PrimitiveTypes.String, Required: true, Doc: "<source>/<dataset> of the object"},
		lineage[0], lineage[1], lineage[2], lineage[3], lineage[4],
		{Name: "field", Type: iceberg.PrimitiveTypes.String, Doc: "the API's name of the refused value; null when it is the whole row"},
		{Name: "reason", Type: iceberg.PrimitiveTypes.String, Required: true, Doc: "what is wrong with it"},
		{Name: "raw", Type: iceberg.PrimitiveTypes.String, Required: true, Doc: "the row as it came, at most 64 KiB of it"},
	}
	for i := range columns {
		columns[i].ID = i + 1
	}
	return iceberg.NewSchema(0, columns...)
}

// RejectedArrowSchema is RejectedSchema as iceberg-go's writers take it.
func RejectedArrowSchema() *arrow.Schema { return rejectedArrow }

var rejectedArrow = arrowSchema(RejectedSchema())

// RejectedPartitionSpec is the month of source_modified_at.
func RejectedPartitionSpec() iceberg.PartitionSpec {
	return monthOf(RejectedSchema(), RejectedMonth)
}

// refusal says why a row cannot be used.
type refusal struct {
	// field by the API's name; empty when it is the row as a whole.
	field  string
	reason string
	// foreign: the text is not JSON at all, or not an object.
	foreign bool
}
