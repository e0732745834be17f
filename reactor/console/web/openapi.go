package web

import (
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

// api is where the JSON of all views is.
const api = "/api/v1"

// route is an address of the API.
type route struct {
	path, about string
	parameters  []Parameter
	posted      bool
	answer      reflect.Type
}

func (s *Site) describe(r route) { s.routes = append(s.routes, r) }

// object is a JSON object of the document.
type object = map[string]any

// Document is the API as OpenAPI 3.1 describes it. It is made of the routes and of the types of their answers, so it cannot say
// something else than they do.
func (s *Site) Document() (map[string]any, error) {
	failed, err := schemaOf(reflect.TypeFor[failure]())
	if err != nil {
		return nil, err
	}
	paths, schemas := object{}, object{"Failure": failed}
	for _, r := range s.routes {
		if schemas[r.schema()], err = schemaOf(r.answer); err != nil {
			return nil, fmt.Errorf("describe %s: %w", r.path, err)
		}
		methods := object{"get": r.operation("get", r.inQuery(), nil)}
		if r.posted {
			methods["post"] = r.operation("post", nil, r.form())
		}
		paths[strings.TrimPrefix(r.path, api)] = methods
	}
	return object{
		"openapi": "3.1.0",
		"info": object{
			"title": "millrace", "version": "1",
			"description": "What the pages of the console show, as JSON. The addresses only read: what changes something is a command, or a form of the console.",
			"license":     object{"name": "Apache-2.0", "identifier": "Apache-2.0"},
		},
		"servers": []any{object{"url": api}},
		// Whoever is on the machine may look; from elsewhere, a role's token.
		"security":   []any{object{}, object{"token": []any{}}},
		"paths":      paths,
		"components": object{"schemas": schemas, "securitySchemes": object{"token": object{"type": "http", "scheme": "bearer"}}},
	}, nil
}

func (s *Site) document(w http.ResponseWriter, r *http.Request) {
	document, err := s.Document()
	if err != nil {
		s.FailJSON(w, r, err)
		return
	}
	JSON(w, http.StatusOK, document)
}

// schema is the name of the answer's schema: package and type.
func (r route) schema() string { return r.answer.String() }

func (r route) operation(method string, parameters []any, body object) object {
	answer := func(name string) object {
		return object{"application/json": object{"schema": object{"$ref": "#/components/schemas/" + name}}}
	}
	o := object{
		"operationId": method + name.ReplaceAllString(strings.TrimPrefix(r.path, api), "_"), "summary": r.about,
		"parameters": append(r.inPath(), parameters...),
		"responses": object{
			"200":     object{"description": r.about, "content": answer(r.schema())},
			"default": object{"description": "What is wrong, and what to do about it.", "content": answer("Failure")},
		},
	}
	if body != nil {
		o["requestBody"] = body
	}
	return o
}

var (
	name     = regexp.MustCompile(`[^a-z]+`)
	variable = regexp.MustCompile(`\{([a-z]+)\}`)
)

func (r route) inPath() []any {
	all := []any{}
	for _, found := range variable.FindAllStringSubmatch(r.path, -1) {
		all = append(all, object{"name": found[1], "in": "path", "required": true, "schema": object{"type": "string"}})
	}
	return all
}

func (r route) inQuery() (all []any) {
	for _, p := range r.parameters {
		all = append(all, object{"name": p.Name, "in": "query", "description": p.About, "schema": object{"type": "string"}})
	}
	return all
}

func (r route) form() object {
	fields := object{}
	for _, p := range r.parameters {
		fields[p.Name] = object{"type": "string", "description": p.About}
	}
	return object{"content": object{"application/x-www-form-urlencoded": object{"schema": object{"type": "object", "properties": fields}}}}
}

// schemaOf is the JSON schema of a type's values.
func schemaOf(t reflect.Type) (*jsonschema.Schema, error) {
	schema, err := jsonschema.ForType(t, nil)
	if err != nil {
		return nil, err
	}
	once(schema)
	return schema, nil
}

// once leaves each required property named once: a field of an embedded type that one of the type itself hides is named twice.
func once(s *jsonschema.Schema) {
	if s == nil {
		return
	}
	slices.Sort(s.Required)
	s.Required = slices.Compact(s.Required)
	once(s.Items)
	once(s.AdditionalProperties)
	for _, p := range s.Properties {
		once(p)
	}
}
