package definition

// form is what the value of a key looks like.
type form int

const (
	text form = iota
	boolean
	number
	scalar // a text or a number
	texts
	anything
	listOfFields
	mapOfRows
	mapOfFrom
	mapOfFetch
)

// key is one that a mapping may have.
type key struct {
	name string
	form form
	// needed: a mapping without it is refused.
	needed bool
	// values are all there are; pattern is of those that have something in them.
	values  []string
	pattern string
	doc     string
}

var datasetKeys = []key{
	{name: "name", needed: true, doc: "<source>/<dataset>: objects below bronze/<source>/<dataset>/ belong to it"},
	{name: "table", needed: true, doc: "Name of the table in the namespace silver"},
	{name: "doc", doc: "What the dataset is, in a sentence"},
	{name: "key", form: texts, needed: true, doc: "Columns that tell rows apart; observed_at is one of them. Among rows of one key the winner stays"},
	{name: "partition", pattern: `^(month|day|year|hour|none|identity\(\s*[a-z][a-z0-9_]*\s*\)|bucket\(\s*\d+\s*,\s*[a-z][a-z0-9_]*\s*\))$`,
		doc: "How files are divided: by the month (the default), day, year or hour of observed_at, by identity(column), by bucket(n, column), or none"},
	{name: "winner", pattern: `^(latest|earliest|(greatest|least)\(\s*[a-z][a-z0-9_]*\s*\))$`,
		doc: "Which of the rows of one key stays, as a whole: that of the object stored last (latest, the default) or first (earliest), or that with the greatest(column) or least(column) value, of equal ones the latest"},
	{name: "unknown", values: []string{"extra", "drop"}, doc: "What becomes of values that no field names: kept as JSON in the column extra, or dropped"},
	{name: "rows", form: mapOfRows, doc: "Where in an object the rows are. Without it, an object is a JSON list of rows, one row a line (ndjson), or Parquet"},
	{name: "name_pattern", doc: "Regular expression over the object's file name without folders and extension. The value of a group (?<column>…) stands in for rows without one"},
	{name: "fields", form: listOfFields, needed: true, doc: "Columns of the table, in its order"},
	{name: "fetch", form: mapOfFetch, doc: "How `ingestor fetch` asks the source for a day. The table does not depend on it"},
	{name: "later", form: listOfFields, doc: "Columns that came after the table was made first. They are the table's last ones"},
}

var rowsKeys = []key{
	{name: "at", doc: "Path of the list of rows, such as data or result.items. * as its last name takes every list there"},
	{name: "each", values: []string{"object", "list"}, doc: "What a row is: an object with names, or a list whose positions are values"},
	{name: "one", doc: "Field whose presence makes a single object in the list's place a payload of one row"},
	{name: "example", doc: "The payload in a few words; the reason of an object that is something else shows it"},
}

var fieldKeys = []key{
	{name: "column", needed: true, doc: "Name of the column. A payload may name the value so as well. observed_at is the time of the row, and every dataset has it"},
	{name: "path", doc: "Where the value is in a row: name, name.name, name[0], [0], [\"a name with a dot\"]. Without it, the column's name"},
	{name: "also", form: texts, doc: "Other paths of the same value"},
	{name: "was", form: texts, doc: "Names that the column had before: a table that is there has it renamed, without a new file"},
	{name: "confirmed_by", doc: "Path of a second value that must be the same time, written out"},
	{name: "type", needed: true, doc: "text, boolean, integer, long, decimal(p,s), double, time, time(s|ms|us|ns), date, json, list<…>, map<text, …>, struct<name: type, …>"},
	{name: "required", form: boolean, doc: "A row without a value is refused. Columns of the key must be required"},
	{name: "min", form: scalar, doc: "The least number, or the earliest time or date, that is accepted"},
	{name: "min_is", doc: "What happened at the earliest time, for the reason of a row before it"},
	{name: "max", form: scalar, doc: "The greatest number that is accepted"},
	{name: "below", form: scalar, doc: "A power of ten that a decimal must be below, whatever its sign"},
	{name: "values", form: texts, doc: "Every text that is accepted"},
	{name: "max_bytes", form: number, doc: "The longest text that is accepted"},
	{name: "default", form: anything, doc: "Value of rows that bring none"},
	{name: "from", form: mapOfFrom, doc: "Where else than in the row the value may be"},
	{name: "missing", doc: "What to do about an object that brings the value nowhere, for the reason"},
	{name: "doc", doc: "The column's comment: its meaning, and its unit in brackets at the end"},
}

var fromKeys = []key{
	{name: "envelope", doc: "Path of the value beside the rows, from the object's root"},
	{name: "metadata", doc: "Name of the object's user metadata, in lower case"},
	{name: "ingest_date", form: boolean, doc: "The day in the object's key (ingest_date=…), else the day it was stored: the time of rows that bring none"},
	{name: "list_name", form: boolean, doc: "The name of the list that has the row, where the path of the rows ends in *"},
}

// reserved are the words that DuckDB does not take as a name.
var reserved = func() map[string]bool {
	words := map[string]bool{}
	for _, w := range []string{"all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "both", "case", "cast", "check", "collate",
		"column", "constraint", "create", "default", "deferrable", "desc", "describe", "distinct", "do", "else", "end", "except", "false", "fetch", "for",
		"foreign", "from", "group", "having", "in", "initially", "intersect", "into", "lambda", "lateral", "leading", "limit", "not", "null", "offset",
		"on", "only", "or", "order", "pivot", "pivot_longer", "pivot_wider", "placing", "primary", "qualify", "references", "returning", "select", "show",
		"some", "summarize", "symmetric", "table", "then", "to", "trailing", "true", "union", "unique", "unpivot", "using", "variadic", "when", "where",
		"window", "with"} {
		words[w] = true
	}
	return words
}()

// Reserved tells whether a name needs quotes in SQL.
func Reserved(name string) bool { return reserved[name] }
