package cli

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// jsonValue returns what encoding/json is to print for a value: numbers stay numbers, and what it cannot hold or would show as
// a struct becomes text.
func (o *Output) jsonValue(value any) any {
	switch v := value.(type) {
	case time.Time:
		return Text(v)
	case json.Number:
		if o.texts {
			return v.String()
		}
		return v
	case json.Marshaler:
		return v
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return Text(v)
		}
		return json.Number(Text(v))
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = o.jsonValue(v[i])
		}
		return list
	case map[string]any:
		object := make(map[string]any, len(v))
		for name := range v {
			object[name] = o.jsonValue(v[name])
		}
		return object
	case fmt.Stringer:
		return v.String()
	case error:
		return v.Error()
	case []byte:
		return string(v)
	}
	return value
}

// Text returns a value as text: "" for nil, a number without an exponent because nobody reads 4e+11 as a market cap, lists and maps
// as JSON.
func Text(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case []byte:
		return string(v)
	case time.Time:
		return v.UTC().Format("2006-01-02T15:04:05.999999Z07:00")
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case float32:
		return strconv.FormatFloat(float64(v), 'f', -1, 32)
	case fmt.Stringer:
		return v.String()
	case error:
		return v.Error()
	case bool, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		return fmt.Sprint(v)
	}
	text, err := json.Marshal((&Output{}).jsonValue(value))
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}

// printable writes control characters as \x and their number. Names come from a public API and from objects that others put,
// and an escape sequence in one could rewrite the screen.
func printable(s string) string {
	if strings.IndexFunc(s, unicode.IsControl) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteRune(r)
		case unicode.IsControl(r):
			_, _ = fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func isNumber(value any) bool {
	switch value.(type) {
	case int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, float32, float64, json.Number:
		return true
	}
	return false
}
