package promote

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// ascends tells whether n rows come in the order of their keys, each key once.
func ascends(key []arrow.Array, n int) bool {
	equal := make([]int, 0, n) // rows that are like the one before them in the columns so far
	for i := 1; i < n; i++ {
		equal = append(equal, i)
	}
	for _, c := range key {
		compare, rest := comparer(c, c), equal[:0]
		for _, i := range equal {
			switch order := compare(i, i-1); {
			case order < 0:
				return false
			case order == 0:
				rest = append(rest, i)
			}
		}
		equal = rest
	}
	return len(equal) == 0
}

// comesAfter tells whether the first row of key comes after row i of before.
func comesAfter(before []arrow.Array, i int, key []arrow.Array) bool {
	for k := range key {
		if order := comparer(key[k], before[k])(0, i); order != 0 {
			return order > 0
		}
	}
	return false
}

// extremes returns the rows with the least and with the greatest value of a column.
func extremes(c arrow.Array) (least, greatest int) {
	compare := comparer(c, c)
	for i := 1; i < c.Len(); i++ {
		if compare(i, least) < 0 {
			least = i
		} else if compare(i, greatest) > 0 {
			greatest = i
		}
	}
	return least, greatest
}

// comparer compares a row of one column of keys with a row of another, as DuckDB sorts them.
func comparer(a, b arrow.Array) func(i, j int) int {
	switch a := a.(type) {
	case *array.String:
		b := b.(*array.String)
		return func(i, j int) int { return strings.Compare(a.Value(i), b.Value(j)) }
	case *array.Timestamp:
		b := b.(*array.Timestamp)
		return func(i, j int) int { return cmp.Compare(a.Value(i), b.Value(j)) }
	case *array.Date32:
		b := b.(*array.Date32)
		return func(i, j int) int { return cmp.Compare(a.Value(i), b.Value(j)) }
	case *array.Int32:
		b := b.(*array.Int32)
		return func(i, j int) int { return cmp.Compare(a.Value(i), b.Value(j)) }
	case *array.Int64:
		b := b.(*array.Int64)
		return func(i, j int) int { return cmp.Compare(a.Value(i), b.Value(j)) }
	case *array.Decimal128:
		b := b.(*array.Decimal128)
		return func(i, j int) int { return a.Value(i).Cmp(b.Value(j)) }
	case *array.Boolean:
		b := b.(*array.Boolean)
		return func(i, j int) int { return cmp.Compare(digit(a.Value(i)), digit(b.Value(j))) }
	}
	panic(fmt.Sprintf("compare keys: a column of a key is %s", a.DataType()))
}

func digit(b bool) int {
	if b {
		return 1
	}
	return 0
}
