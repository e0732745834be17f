package definition

import (
	"encoding/json"
	"fmt"

	"millrace/infra/strict"
	"millrace/ingestor/recipe"
)

// JSONSchema of a definition, for editors: the keys that Parse knows, with what they mean.
func JSONSchema() ([]byte, error) {
	schema := mappingSchema(datasetKeys)
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["title"] = "A dataset of millrace"
	schema["$defs"] = map[string]any{"field": mappingSchema(fieldKeys), "rows": mappingSchema(rowsKeys), "from": mappingSchema(fromKeys), "fetch": strict.Schema(recipe.Keys())}
	text, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the JSON Schema of datasets: %w", err)
	}
	return append(text, '\n'), nil
}

func mappingSchema(known []key) map[string]any {
	properties := map[string]any{}
	needed := []string{}
	for _, k := range known {
		properties[k.name] = k.schema()
		if k.needed {
			needed = append(needed, k.name)
		}
	}
	return map[string]any{"type": "object", "additionalProperties": false, "properties": properties, "required": needed}
}

// typePattern takes what can be a type, for completion and a first look; Parse knows better.
const typePattern = `^(text|boolean|integer|long|double|date|json|time(\((s|ms|us|ns)\))?|decimal\(\s*\d+\s*,\s*\d+\s*\)|(list|map|struct)<.+>)$`

func (k key) schema() map[string]any {
	s := map[string]any{"description": k.doc}
	switch k.form {
	case text:
		s["type"] = "string"
	case boolean:
		s["type"] = "boolean"
	case number:
		s["type"], s["minimum"] = "integer", 1
	case scalar:
		s["type"] = []string{"string", "number"}
	case texts:
		s["type"], s["items"], s["minItems"], s["uniqueItems"] = "array", map[string]any{"type": "string"}, 1, true
	case listOfFields:
		s["type"], s["items"], s["minItems"] = "array", map[string]any{"$ref": "#/$defs/field"}, 1
	case mapOfRows:
		s["$ref"] = "#/$defs/rows"
	case mapOfFrom:
		s["$ref"] = "#/$defs/from"
	case mapOfFetch:
		s["$ref"] = "#/$defs/fetch"
	}
	switch {
	case len(k.values) > 0:
		s["enum"] = k.values
	case k.pattern != "":
		s["pattern"] = k.pattern
	case k.name == "type":
		s["pattern"] = typePattern
	case k.name == "name":
		s["pattern"] = nameForm.String()
	case k.name == "table" || k.name == "column":
		s["pattern"] = wordForm.String()
	}
	return s
}
