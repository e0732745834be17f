package silver

import (
	"fmt"
	"strings"

	"github.com/apache/iceberg-go"
)

// Merge is the SQL (DuckDB) by which decoded rows become a change to a table, the same for twenty rows and for millions.
//
// It reads two relations of the connection's: `incoming`, the decoded rows of any number of objects (the table's columns,
// and `_object`, the caller's number of the object), and `existing`, the live rows of every file that may hold one of
// their keys (the table's columns, and `_file`, the caller's number of the file). Run Changes; Files then gives the files
// to be replaced, and Rows the rows to be written in their place. No row in `changes` means that there is nothing to
// commit.
//
// ChangesOnce and Appended are cheaper forms for the usual case, 20 new rows, where planning is most of the time
// (measured: Changes 6.5 ms, ChangesOnce with the question whether it may be used 4.2; Rows 3.3, Appended 1.5).
type Merge struct {
	// Incoming creates the table `incoming`, empty.
	Incoming string
	// Decoded creates the table `decoded`, empty: (source_key, source_version) of every object version that was decoded,
	// whether it has refused rows or not. Only the merge of `rejected` reads it.
	Decoded string
	// Changes creates the table `changes`. For silver tables: the rows that are new or other than before, with the
	// `_object` that brings them and the `_file` that holds their key now. For `rejected`: the object versions whose
	// refused rows are other than before.
	Changes string
	// ChangesOnce makes the same `changes` as Changes where no key comes more than once in `incoming`. It is empty for
	// `rejected`.
	ChangesOnce string
	// Files selects the numbers of the files to be replaced.
	Files string
	// Rows selects the rows to be written. Rows that stay bring the columns that other engines gave the table.
	Rows string
	// Appended selects the same rows as Rows when Files selects none: the rows can be appended.
	Appended string
}

// MergeSQL is the merge of this dataset's table. Among rows with one key its Winner stays, whole. An incoming winner
// is a change when its key is new, or when it beats (or ties with) the existing row and differs from it anywhere, nulls and lineage
// included.
func (d *Dataset) MergeSQL() Merge {
	columns := columnNames(d.Schema())
	all := strings.Join(quoteAll("", columns), ", ")
	key := strings.Join(quoteAll("", d.Key), ", ")
	against := fmt.Sprintf(`select w.*, e._file from winners w left join existing e on %s
where e._file is null or (%s and (%s))`,
		pairs(d.Key, "=", " and "), d.Winner.beatsSQL(), pairs(columns, "is distinct from", " or "))
	return Merge{
		Incoming: createTable("incoming", d.Schema(), "_object integer"),
		// The window sees the repeated keys only: over millions of rows it would sort them all.
		Changes: fmt.Sprintf(`create or replace temp table changes as
with repeated as materialized (select %[1]s from incoming group by all having count(*) > 1),
winners as (
	select * from incoming anti join repeated using (%[1]s)
	union all
	select * from incoming semi join repeated using (%[1]s)
	qualify row_number() over (partition by %[1]s order by %[2]s) = 1
)
%[3]s`, key, d.Winner.orderSQL(), against),
		ChangesOnce: "create or replace temp table changes as with winners as (from incoming)\n" + against,
		Files:       `select distinct _file from changes where _file is not null order by _file`,
		Rows: fmt.Sprintf(`select %[1]s from changes
union all by name
select * exclude (_file) from existing semi join changes using (_file) anti join changes using (%[2]s)`, all, key),
		Appended: fmt.Sprintf(`select %s from changes`, all),
	}
}

// WinnersSQL creates the table name with the winners among `incoming`: what the table of this dataset must hold when
// incoming has the rows of all objects. It is not how the merge finds them, and so can prove it right.
func (d *Dataset) WinnersSQL(name string) string {
	return "create or replace table " + name + " as " + d.Winners("incoming")
}

// Winners selects the winners among the rows of a relation, which is something that can follow FROM.
func (d *Dataset) Winners(relation string) string {
	return fmt.Sprintf(`select %s from %s
qualify row_number() over (partition by %s order by %s) = 1`,
		strings.Join(quoteAll("", columnNames(d.Schema())), ", "), relation, strings.Join(quoteAll("", d.Key), ", "), d.Winner.orderSQL())
}

// RejectedMergeSQL is the merge of `rejected`: the refused rows of one object version are replaced by those that its
// decoding gives now, which may be none.
func RejectedMergeSQL() Merge {
	columns := strings.Join(quoteAll("", columnNames(RejectedSchema())), ", ")
	const version = `source_key, source_version`
	return Merge{
		Incoming: createTable("incoming", RejectedSchema(), "_object integer"),
		Decoded:  `create or replace temp table decoded (source_key varchar not null, source_version varchar not null)`,
		Changes: fmt.Sprintf(`create or replace temp table changes as
with now as materialized (select distinct %[1]s from incoming),
before as materialized (select %[1]s from existing semi join decoded using (%[2]s))
select distinct %[2]s from (
	(from now except all from before) union all (from before except all from now)
)`, columns, version),
		Files: fmt.Sprintf(`select distinct _file from existing semi join changes using (%s) order by _file`, version),
		Rows: fmt.Sprintf(`select distinct %[1]s from incoming semi join changes using (%[2]s)
union all by name
select * exclude (_file) from existing
semi join (select distinct _file from existing semi join changes using (%[2]s)) using (_file)
anti join changes using (%[2]s)`, columns, version),
		Appended: fmt.Sprintf(`select distinct %[1]s from incoming semi join changes using (%[2]s)`, columns, version),
	}
}

func createTable(name string, schema *iceberg.Schema, more string) string {
	var columns []string
	for _, f := range schema.Fields() {
		columns = append(columns, quoteAll("", []string{f.Name})[0]+" "+duckType(f.Type))
	}
	return fmt.Sprintf("create or replace temp table %s (%s, %s)", name, strings.Join(columns, ", "), more)
}

func duckType(t iceberg.Type) string {
	switch t := t.(type) {
	case iceberg.StringType:
		return "varchar"
	case iceberg.Int32Type:
		return "integer"
	case iceberg.Int64Type:
		return "bigint"
	case iceberg.BooleanType:
		return "boolean"
	case iceberg.Float64Type:
		return "double"
	case iceberg.DateType:
		return "date"
	case iceberg.TimestampTzType:
		return "timestamptz"
	case iceberg.DecimalType:
		return fmt.Sprintf("decimal(%d,%d)", t.Precision(), t.Scale())
	case *iceberg.MapType:
		return "map(" + duckType(t.KeyType) + ", " + duckType(t.ValueType) + ")"
	case *iceberg.ListType:
		return duckType(t.Element) + "[]"
	case *iceberg.StructType:
		var members []string
		for _, f := range t.FieldList {
			members = append(members, quoteAll("", []string{f.Name})[0]+" "+duckType(f.Type))
		}
		return "struct(" + strings.Join(members, ", ") + ")"
	}
	panic(fmt.Sprintf("silver: no duckdb type for %s", t))
}

func columnNames(schema *iceberg.Schema) []string {
	var names []string
	for _, f := range schema.Fields() {
		names = append(names, f.Name)
	}
	return names
}

func quoteAll(prefix string, names []string) []string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = prefix + `"` + strings.ReplaceAll(n, `"`, `""`) + `"`
	}
	return quoted
}

// pairs compares each column of w with that of e.
func pairs(columns []string, operator, with string) string {
	parts := make([]string, len(columns))
	for i, c := range columns {
		parts[i] = quoteAll("w.", []string{c})[0] + " " + operator + " " + quoteAll("e.", []string{c})[0]
	}
	return strings.Join(parts, with)
}
