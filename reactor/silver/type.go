package silver

import (
	"fmt"
	"strings"
)

// Type of a silver column.
type Type int

const (
	// Text is a string.
	Text Type = iota + 1
	// Boolean is true or false, accepted as JSON boolean or string.
	Boolean
	// Integer is a whole number of 32 bits, accepted as JSON number or string.
	Integer
	// Long is a whole number of 64 bits, accepted as JSON number or string.
	Long
	// Decimal has the field's Precision and Scale, and is accepted as JSON number or string.
	Decimal
	// Double is a floating-point number of 64 bits, accepted as JSON number or string. Sums of it depend on their order.
	Double
	// Time is a moment in UTC with microseconds, accepted as a number since 1970 in the field's Unit, RFC 3339, and as what tools
	// write for a date or a datetime.
	Time
	// Date is a day of the calendar, written out.
	Date
	// JSON is any value, kept as compact JSON text.
	JSON
	// TextLists is map<text, list<text>>; a bare string stands for a list of one.
	TextLists
	// List holds elements of the type of the field's first Inner.
	List
	// Map holds values, of the type of the field's first Inner, by text.
	Map
	// Struct holds the field's Inner by their Column.
	Struct
)

var typeNames = map[Type]string{
	Text: "text", Boolean: "boolean", Integer: "integer", Long: "long", Decimal: "decimal", Double: "double", Time: "time", Date: "date",
	JSON: "json", TextLists: "map<text, list<text>>", List: "list", Map: "map", Struct: "struct",
}

func (t Type) String() string {
	if name, ok := typeNames[t]; ok {
		return name
	}
	return fmt.Sprintf("type %d", int(t))
}

// TypeText is the field's type as a definition writes it.
func (f *Field) TypeText() string {
	switch f.Type {
	case Decimal:
		return fmt.Sprintf("decimal(%d,%d)", f.Precision, f.Scale)
	case Time:
		if f.Unit != "" {
			return "time(" + f.Unit + ")"
		}
	case List:
		return "list<" + f.Inner[0].TypeText() + ">"
	case Map:
		return "map<text, " + f.Inner[0].TypeText() + ">"
	case Struct:
		var members []string
		for i := range f.Inner {
			members = append(members, f.Inner[i].Column+": "+f.Inner[i].TypeText())
		}
		return "struct<" + strings.Join(members, ", ") + ">"
	}
	return f.Type.String()
}

func (f *Field) nests() bool { return f.Type == List || f.Type == Map || f.Type == Struct }

// numeric tells whether the field's values can be compared with bounds.
func (f *Field) numeric() bool {
	return f.Type == Integer || f.Type == Long || f.Type == Decimal || f.Type == Double
}
