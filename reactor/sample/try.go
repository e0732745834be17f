package sample

import (
	"context"
	"errors"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"millrace/reactor/silver"
)

// Tried is what a definition makes of objects.
type Tried struct {
	Columns []string
	// Rows are the first accepted ones, and Refused the first refused ones: text, or nil for null, by column.
	Rows    [][]any
	Refused []Refused
	// Accepted and Lost count all.
	Accepted, Lost int64
	// Unreadable objects would be dead letters.
	Unreadable []Refused
}

// Refused is what cannot be used, and why.
type Refused struct {
	Object, Field, Reason, Raw string
	Row                        string
}

// Try decodes objects by a definition, as the reactor would. It keeps the first rows, at most limit of each kind.
func Try(ctx context.Context, d *silver.Dataset, objects []Object, limit int) (Tried, error) {
	t := Tried{Columns: fieldNames(d.ArrowSchema())}
	for _, o := range objects {
		at := &trying{tried: &t, name: o.Name, limit: limit}
		err := d.Decode(ctx, silver.Source{Key: o.Key, Version: "tried", ModifiedAt: o.ModifiedAt, Metadata: o.Metadata}, o, at)
		var bad *silver.Unreadable
		switch {
		case errors.As(err, &bad):
			t.Rows, t.Refused = t.Rows[:len(t.Rows)-at.rows], t.Refused[:len(t.Refused)-at.refused]
			t.Accepted, t.Lost = t.Accepted-at.accepted, t.Lost-at.lost
			t.Unreadable = append(t.Unreadable, Refused{Object: o.Name, Reason: bad.Reason})
		case err != nil:
			return t, err
		}
	}
	return t, nil
}

// trying is the sink of one object. An object that turns out to be unreadable takes its rows back.
type trying struct {
	tried          *Tried
	name           string
	limit          int
	rows, refused  int
	accepted, lost int64
}

func (s *trying) Rows(b arrow.RecordBatch) error {
	s.accepted += b.NumRows()
	s.tried.Accepted += b.NumRows()
	for i := range int(b.NumRows()) {
		if len(s.tried.Rows) == s.limit {
			break
		}
		s.rows++
		s.tried.Rows = append(s.tried.Rows, cells(b, i))
	}
	return nil
}

func (s *trying) Rejected(b arrow.RecordBatch) error {
	s.lost += b.NumRows()
	s.tried.Lost += b.NumRows()
	names := fieldNames(b.Schema())
	for i := range int(b.NumRows()) {
		if len(s.tried.Refused) == s.limit {
			break
		}
		s.refused++
		r := Refused{Object: s.name}
		for c, value := range cells(b, i) {
			text, _ := value.(string)
			switch names[c] {
			case "source_row":
				r.Row = text
			case "field":
				r.Field = text
			case "reason":
				r.Reason = text
			case "raw":
				r.Raw = text
			}
		}
		s.tried.Refused = append(s.tried.Refused, r)
	}
	return nil
}

func fieldNames(s *arrow.Schema) []string {
	var names []string
	for _, f := range s.Fields() {
		names = append(names, f.Name)
	}
	return names
}

// cells are a row's values as text, nil for null. The batch's memory may be gone before the text is.
func cells(b arrow.RecordBatch, i int) []any {
	row := make([]any, b.NumCols())
	for c, column := range b.Columns() {
		if !column.IsNull(i) {
			row[c] = cellText(column, i)
		}
	}
	return row
}

// cellText writes a value; a decimal without the zeros at its end.
func cellText(a arrow.Array, i int) string {
	d, ok := a.(*array.Decimal128)
	if !ok {
		return strings.Clone(a.ValueStr(i))
	}
	text := d.Value(i).ToString(d.DataType().(arrow.DecimalType).GetScale())
	if strings.Contains(text, ".") {
		text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	return text
}
