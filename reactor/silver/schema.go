package silver

import (
	"fmt"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/iceberg-go"
)

const (
	// partitionColumn is the time of a row: tables are partitioned by its month unless their definition says otherwise.
	partitionColumn = "observed_at"
	extraColumn     = "extra"
	// fieldIDKey and docKey are where iceberg-go's writer looks for a column's id, and what it names its documentation.
	fieldIDKey = "PARQUET:field_id"
	docKey     = "doc"
	// firstPartitionID as Iceberg numbers partition fields.
	firstPartitionID = 1000
)

// lineage columns: which object version, and which row of it, a row is.
var lineage = []iceberg.NestedField{
	{Name: "source_key", Type: iceberg.PrimitiveTypes.String, Required: true, Doc: "key of the bronze object"},
	{Name: "source_version", Type: iceberg.PrimitiveTypes.String, Required: true, Doc: "version id of the bronze object"},
	{Name: "source_row", Type: iceberg.PrimitiveTypes.Int64, Required: true, Doc: "position of the row in the object, from 0"},
	{Name: "source_modified_at", Type: iceberg.PrimitiveTypes.TimestampTz, Required: true, Doc: "when the object version was stored"},
	{Name: "ingest_date", Type: iceberg.PrimitiveTypes.Date, Required: true, Doc: "day in the object's key, else the day it was stored"},
}

func lineageNames() []string {
	names := make([]string, len(lineage))
	for i, f := range lineage {
		names[i] = f.Name
	}
	return names
}

// Schema of the silver table. Ids are those that iceberg-go itself gives a new table of these columns, each column's
// followed by those inside of it; columns that came later go on from there.
func (d *Dataset) Schema() *iceberg.Schema { return d.schema }

func (d *Dataset) makeSchema() *iceberg.Schema {
	next := 0
	id := func() int { next++; return next }
	var columns []iceberg.NestedField
	add := func(f iceberg.NestedField, field *Field) {
		f.ID = id()
		if field != nil {
			f.Type = field.icebergType(id)
		}
		columns = append(columns, f)
	}
	for i := range d.Fields {
		add(d.nested(&d.columns[i]), &d.columns[i])
	}
	for _, f := range lineage {
		add(f, nil)
	}
	add(iceberg.NestedField{Name: extraColumn, Type: iceberg.PrimitiveTypes.String,
		Doc: "JSON object of what the definition does not know, and of values that their column cannot hold"}, nil)
	for i := len(d.Fields); i < len(d.columns); i++ {
		add(d.nested(&d.columns[i]), &d.columns[i])
	}
	return iceberg.NewSchema(0, columns...)
}

// nested makes a required column of a key only: a rule about values may be relaxed one day, a required column never.
func (d *Dataset) nested(f *Field) iceberg.NestedField {
	return iceberg.NestedField{Name: f.Column, Required: d.keyed[f.Column], Doc: f.Doc}
}

// icebergType is the column's type; id numbers what is inside of it, each level before those below.
func (f *Field) icebergType(id func() int) iceberg.Type {
	switch f.Type {
	case Text, JSON:
		return iceberg.PrimitiveTypes.String
	case Boolean:
		return iceberg.PrimitiveTypes.Bool
	case Integer:
		return iceberg.PrimitiveTypes.Int32
	case Long:
		return iceberg.PrimitiveTypes.Int64
	case Decimal:
		return iceberg.DecimalTypeOf(f.Precision, f.Scale)
	case Double:
		return iceberg.PrimitiveTypes.Float64
	case Time:
		return iceberg.PrimitiveTypes.TimestampTz
	case Date:
		return iceberg.PrimitiveTypes.Date
	case TextLists:
		return textListsType(id)
	case List:
		t := &iceberg.ListType{ElementID: id()}
		t.Element = f.Inner[0].icebergType(id)
		return t
	case Map:
		t := &iceberg.MapType{KeyType: iceberg.PrimitiveTypes.String}
		t.KeyID, t.ValueID = id(), id()
		t.ValueType = f.Inner[0].icebergType(id)
		return t
	}
	return f.structType(id)
}

func (f *Field) structType(id func() int) iceberg.Type {
	t := &iceberg.StructType{}
	for i := range f.Inner {
		t.FieldList = append(t.FieldList, iceberg.NestedField{ID: id(), Name: f.Inner[i].Column, Doc: f.Inner[i].Doc})
		t.FieldList[i].Type = f.Inner[i].icebergType(id)
	}
	return t
}

func textListsType(id func() int) *iceberg.MapType {
	m := &iceberg.MapType{KeyType: iceberg.PrimitiveTypes.String, ValueRequired: true}
	m.KeyID, m.ValueID = id(), id()
	m.ValueType = &iceberg.ListType{ElementID: id(), Element: iceberg.PrimitiveTypes.String, ElementRequired: true}
	return m
}

// ArrowSchema is Schema as iceberg-go's writers take it, field ids included.
func (d *Dataset) ArrowSchema() *arrow.Schema { return d.arrow }

// arrowSchema does by hand, for the types used here, what table.SchemaToArrowSchema does for all of them: that package
// brings S3, Avro and a catalog along, which a pure one has no use for. A test compares the two.
func arrowSchema(schema *iceberg.Schema) *arrow.Schema {
	fields := make([]arrow.Field, 0, schema.NumFields())
	for _, f := range schema.Fields() {
		fields = append(fields, arrowField(f))
	}
	none := arrow.MetadataFrom(nil)
	return arrow.NewSchema(fields, &none)
}

func arrowField(f iceberg.NestedField) arrow.Field {
	meta := map[string]string{fieldIDKey: strconv.Itoa(f.ID)}
	if f.Doc != "" {
		meta[docKey] = f.Doc
	}
	return arrow.Field{Name: f.Name, Type: arrowType(f.Type), Nullable: !f.Required, Metadata: arrow.MetadataFrom(meta)}
}

func arrowType(t iceberg.Type) arrow.DataType {
	switch t := t.(type) {
	case iceberg.StringType:
		return arrow.BinaryTypes.String
	case iceberg.Int32Type:
		return arrow.PrimitiveTypes.Int32
	case iceberg.Int64Type:
		return arrow.PrimitiveTypes.Int64
	case iceberg.BooleanType:
		return arrow.FixedWidthTypes.Boolean
	case iceberg.Float64Type:
		return arrow.PrimitiveTypes.Float64
	case iceberg.DateType:
		return arrow.FixedWidthTypes.Date32
	case iceberg.TimestampTzType:
		return &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
	case iceberg.DecimalType:
		return &arrow.Decimal128Type{Precision: int32(t.Precision()), Scale: int32(t.Scale())}
	case *iceberg.MapType:
		return arrow.MapOfFields(arrowField(t.KeyField()), arrowField(t.ValueField()))
	case *iceberg.ListType:
		return arrow.ListOfField(arrowField(t.ElementField()))
	case *iceberg.StructType:
		var members []arrow.Field
		for _, f := range t.FieldList {
			members = append(members, arrowField(f))
		}
		return arrow.StructOf(members...)
	}
	panic(fmt.Sprintf("silver: no arrow type for %s", t))
}
