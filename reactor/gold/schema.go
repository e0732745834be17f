package gold

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/iceberg-go"

	"millrace/reactor/duck"
)

// firstPartitionID is the first number that Iceberg gives partition fields.
const firstPartitionID = 1000

// Schema returns the Iceberg schema of the model's table: ids count from 1 in the order of columns, the grain is required. An
// existing table keeps its comments until its columns change.
func (m *Model) Schema() *iceberg.Schema {
	fields := make([]iceberg.NestedField, len(m.Columns))
	for i, c := range m.Columns {
		t, err := icebergType(c.Type)
		if err != nil {
			panic(fmt.Sprintf("gold: %s column %s: %v", m.Name, c.Name, err)) // Load refused such a model
		}
		fields[i] = iceberg.NestedField{ID: i + 1, Name: c.Name, Type: t, Required: m.keyed(c.Name), Doc: m.Docs[c.Name]}
	}
	return iceberg.NewSchema(0, fields...)
}

func (m *Model) keyed(column string) bool {
	for _, g := range m.Grain {
		if g == column {
			return true
		}
	}
	return false
}

// PartitionSpec partitions by the month of day.
func (m *Model) PartitionSpec() iceberg.PartitionSpec {
	f, ok := m.Schema().FindFieldByName(Day)
	if !ok {
		panic(fmt.Sprintf("gold: %s has no column %s", m.Name, Day)) // Load refused such a model
	}
	return iceberg.NewPartitionSpec(iceberg.PartitionField{
		SourceIDs: []int{f.ID}, FieldID: firstPartitionID, Name: Day + "_month", Transform: iceberg.MonthTransform{},
	})
}

var icebergTypes = map[string]iceberg.Type{
	"VARCHAR": iceberg.PrimitiveTypes.String, "BOOLEAN": iceberg.PrimitiveTypes.Bool, "DATE": iceberg.PrimitiveTypes.Date,
	"INTEGER": iceberg.PrimitiveTypes.Int32, "BIGINT": iceberg.PrimitiveTypes.Int64,
	"FLOAT": iceberg.PrimitiveTypes.Float32, "DOUBLE": iceberg.PrimitiveTypes.Float64,
	"TIMESTAMP": iceberg.PrimitiveTypes.Timestamp, "TIMESTAMP WITH TIME ZONE": iceberg.PrimitiveTypes.TimestampTz,
}

// castTo names, for types that Iceberg lacks, the types to cast to.
var castTo = map[string]string{
	"TINYINT": "int", "SMALLINT": "int", "UTINYINT": "int", "USMALLINT": "int", "UINTEGER": "bigint", "UBIGINT": "decimal(20, 0)",
	"HUGEINT": "bigint or decimal(38, 0)", "UHUGEINT": "decimal(38, 0)", "TIMESTAMP_NS": "timestamptz", "TIME": "varchar", "UUID": "varchar", "JSON": "varchar",
	`"NULL"`: "the type it should have",
}

func icebergType(t string) (iceberg.Type, error) {
	if it, ok := icebergTypes[t]; ok {
		return it, nil
	}
	if inner, ok := strings.CutPrefix(t, "DECIMAL("); ok {
		p, s, ok := strings.Cut(strings.TrimSuffix(inner, ")"), ",")
		precision, err1 := strconv.Atoi(p)
		scale, err2 := strconv.Atoi(s)
		if ok && err1 == nil && err2 == nil {
			return iceberg.DecimalTypeOf(precision, scale), nil
		}
	}
	to, ok := castTo[t]
	if !ok {
		to = "varchar, boolean, int, bigint, double, decimal, date or timestamptz"
	}
	return nil, fmt.Errorf("a gold table cannot have its type %s: cast it to %s", t, to)
}

// InputOf describes a silver table to Load.
func InputOf(name string, schema *iceberg.Schema, key []string) (Input, error) {
	in := Input{Name: name, Key: key}
	for _, f := range schema.Fields() {
		t, err := duckType(f.Type)
		if err != nil {
			return Input{}, fmt.Errorf("describe %s column %s to duckdb: %w", name, f.Name, err)
		}
		in.Columns = append(in.Columns, duck.Column{Name: f.Name, Type: t})
	}
	return in, nil
}

func duckType(t iceberg.Type) (string, error) {
	switch t := t.(type) {
	case iceberg.DecimalType:
		return fmt.Sprintf("DECIMAL(%d,%d)", t.Precision(), t.Scale()), nil
	case *iceberg.ListType:
		inner, err := duckType(t.Element)
		return inner + "[]", err
	case *iceberg.MapType:
		k, err := duckType(t.KeyType)
		if err != nil {
			return "", err
		}
		v, err := duckType(t.ValueType)
		return "MAP(" + k + ", " + v + ")", err
	case *iceberg.StructType:
		var members []string
		for _, f := range t.FieldList {
			inner, err := duckType(f.Type)
			if err != nil {
				return "", err
			}
			members = append(members, duck.Identifier(f.Name)+" "+inner)
		}
		return "STRUCT(" + strings.Join(members, ", ") + ")", nil
	}
	for name, it := range icebergTypes {
		if t.Equals(it) {
			return name, nil
		}
	}
	return "", fmt.Errorf("duckdb has no type for %s", t)
}

// EmptyRows returns a query with the model's columns and no rows.
func (m *Model) EmptyRows() string {
	columns := make([]string, len(m.Columns))
	for i, c := range m.Columns {
		columns[i] = fmt.Sprintf("null::%s as %s", c.Type, duck.Identifier(c.Name))
	}
	return "select " + strings.Join(columns, ", ") + " where false"
}
