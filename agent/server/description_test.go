package server_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/agent/server"
)

func description(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(server.Description)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return doc
}

// TestDescription checks that the document describes every call and path, and nothing else.
func TestDescription(t *testing.T) {
	doc := description(t)
	call := doc.Components.Schemas["Call"].Value
	if got := slices.Sorted(maps.Keys(call.Discriminator.Mapping)); !slices.Equal(got, server.Calls()) {
		t.Errorf("described calls: %q, there are %q", got, server.Calls())
	}
	if len(call.OneOf) != len(server.Calls()) {
		t.Errorf("%d alternatives", len(call.OneOf))
	}
	for kind, ref := range call.Discriminator.Mapping {
		schema := doc.Components.Schemas[strings.TrimPrefix(ref.Ref, "#/components/schemas/")]
		if schema == nil || schema.Value.Properties["type"].Value.Enum[0] != kind {
			t.Errorf("%s leads to %s", kind, ref.Ref)
			continue
		}
		for name := range schema.Value.Properties {
			if name != "type" && name != api.Field(kind) {
				t.Errorf("%s has %q", kind, name)
			}
		}
	}
	if got := slices.Sorted(maps.Keys(doc.Paths.Map())); !slices.Equal(got, server.Routes()) {
		t.Errorf("described paths: %q, there are %q", got, server.Routes())
	}
}

// TestDescribedFields checks that the document describes exactly the fields of each message. Raw fields
// are not described: they are refused when they are set, or defined by another specification.
func TestDescribedFields(t *testing.T) {
	doc := description(t)
	for _, v := range server.Verbs() {
		kind := v.Name
		ref := doc.Components.Schemas["Call"].Value.Discriminator.Mapping[kind].Ref
		schema := doc.Components.Schemas[strings.TrimPrefix(ref, "#/components/schemas/")].Value
		field := schema.Properties[api.Field(kind)]
		if (field == nil) != (v.Message == nil) || slices.Contains(schema.Required, api.Field(kind)) == v.Optional {
			t.Errorf("%s: its arguments are %v, and described as %v", kind, v.Message, field)
			continue
		}
		if v.Message != nil {
			compare(t, kind, v.Message, field, map[reflect.Type]bool{})
		}
	}
	compareAnswers(t, doc)
	for name, out := range map[string]any{"Failure": api.Failure{}, "ListedFile": api.ListedFile{},
		"FilePiece": api.FilePiece{}} {
		compare(t, name, reflect.TypeOf(out), doc.Components.Schemas[name], map[reflect.Type]bool{})
	}
}

// compareAnswers compares the answers of all calls, and for streams the records.
func compareAnswers(t *testing.T, doc *openapi3.T) {
	t.Helper()
	described := map[any]*openapi3.Schema{}
	for _, one := range doc.Components.Schemas["Answer"].Value.OneOf {
		described[one.Value.Properties["type"].Value.Enum[0]] = one.Value
	}
	for _, v := range server.Verbs() {
		switch schema := described[v.Name]; {
		case v.Kind == server.Stream:
			compare(t, v.Name, v.Answer, doc.Components.Schemas[v.Answer.Name()], map[reflect.Type]bool{})
		case (schema == nil) != (v.Answer == nil):
			t.Errorf("%s: its answer is %v, and described as %v", v.Name, v.Answer, schema)
		case v.Answer != nil && v.Answer != reflect.TypeFor[*specs.Spec](): // defined by another specification
			compare(t, v.Name, v.Answer, schema.Properties[api.Field(v.Name)], map[reflect.Type]bool{})
		}
		delete(described, v.Name)
	}
	for name := range described {
		t.Errorf("openapi.yaml describes an answer to %s, which has none", name)
	}
}

func compare(t *testing.T, at string, typ reflect.Type, schema *openapi3.SchemaRef, seen map[reflect.Type]bool) {
	t.Helper()
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	switch {
	case schema == nil:
		t.Errorf("%s is not described in openapi.yaml", at)
	case typ == reflect.TypeFor[api.ContainerID]():
		compareID(t, at, schema.Value)
	case typ.Kind() == reflect.Slice && typ.Elem().Kind() != reflect.Uint8:
		compare(t, at+"[]", typ.Elem(), schema.Value.Items, seen)
	case typ.Kind() == reflect.Map && schema.Value.AdditionalProperties.Schema != nil:
		compare(t, at+"{}", typ.Elem(), schema.Value.AdditionalProperties.Schema, seen)
	case typ.Kind() == reflect.Struct && typ != reflect.TypeFor[time.Time]() && !seen[typ]:
		seen[typ] = true
		described := maps.Clone(schema.Value.Properties)
		for name, field := range fields(typ) {
			if field == reflect.TypeFor[json.RawMessage]() {
				if described[name] != nil && described[name].Value.Type.Is("object") { // of another specification
					delete(described, name)
				}
				continue
			}
			compare(t, at+"."+name, field, described[name], seen)
			delete(described, name)
		}
		for name := range described {
			t.Errorf("openapi.yaml describes %s.%s, which does not exist", at, name)
		}
	}
}

// compareID checks that ids are described in their JSON form.
func compareID(t *testing.T, at string, schema *openapi3.Schema) {
	t.Helper()
	data, err := json.Marshal(api.NewContainerID("a.b.c"))
	if err != nil {
		t.Fatal(err)
	}
	var id map[string]any
	if err := json.Unmarshal(data, &id); err != nil {
		t.Fatal(err)
	}
	if err := schema.VisitJSON(id); err != nil {
		t.Errorf("%s: %v", at, err)
	}
	id["parent"].(map[string]any)["parent"].(map[string]any)["more"] = true
	if schema.VisitJSON(id) == nil || schema.VisitJSON("a.b.c") == nil || schema.VisitJSON(map[string]any{}) == nil {
		t.Errorf("%s: more than an id is described", at)
	}
}

// fields returns the fields of a struct by JSON name.
func fields(typ reflect.Type) map[string]reflect.Type {
	all := map[string]reflect.Type{}
	for f := range typ.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous:
			maps.Copy(all, fields(f.Type))
		case !f.IsExported() || name == "-":
		case name == "":
			all[f.Name] = f.Type
		default:
			all[name] = f.Type
		}
	}
	return all
}

// TestNames checks that every name in a message is in snake_case, except in objects that OCI or
// docker's HEALTHCHECK specifies.
func TestNames(t *testing.T) {
	snakeCase := regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	for name, schema := range description(t).Components.Schemas {
		if strings.HasPrefix(name, "OCI") || name == "StoreHealthcheck" {
			continue
		}
		for property := range schema.Value.Properties {
			if !snakeCase.MatchString(property) {
				t.Errorf("%s.%s", name, property)
			}
		}
	}
}
