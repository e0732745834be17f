package strict

// Form is what the value of a key looks like.
type Form int

// The forms.
const (
	Text Form = iota
	Count
	Texts
	Pairs
	Mapping // with the keys of Of
)

// Key is one that a mapping may have.
type Key struct {
	Name string
	Form Form
	// Needed: a mapping without it is refused.
	Needed bool
	// Values are all there are; none for any.
	Values []string
	// Of are the keys of a Mapping.
	Of  []Key
	Doc string
}

// Schema is the JSON Schema of a mapping with these keys.
func Schema(known []Key) map[string]any {
	properties := map[string]any{}
	needed := []string{}
	for _, k := range known {
		properties[k.Name] = k.schema()
		if k.Needed {
			needed = append(needed, k.Name)
		}
	}
	return map[string]any{"type": "object", "additionalProperties": false, "properties": properties, "required": needed}
}

func (k Key) schema() map[string]any {
	s := map[string]any{}
	single := []string{"string", "number", "boolean"}
	switch k.Form {
	case Text:
		s["type"] = "string"
	case Count:
		s["type"], s["minimum"] = "integer", 0
	case Texts:
		s["type"], s["items"], s["minItems"], s["uniqueItems"] = "array", map[string]any{"type": single}, 1, true
	case Pairs:
		s["type"], s["additionalProperties"], s["minProperties"] = "object", map[string]any{"type": single}, 1
	case Mapping:
		s = Schema(k.Of)
	}
	s["description"] = k.Doc
	if len(k.Values) > 0 {
		s["enum"] = k.Values
	}
	return s
}
