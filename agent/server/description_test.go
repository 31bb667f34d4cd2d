package server_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/agent/server"
	"github.com/mctr/mctr/cni"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/provisioner"
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

// TestDescription wants every call and path described, and nothing else.
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

// answers are the types of answers, by the schema that describes them.
var answers = map[string]any{
	"Termination": api.Termination{}, "Containers": api.Containers{}, "Health": api.Health{}, "Version": api.Version{},
	"Files": api.Files{}, "FileData": api.FileData{},
	"Found": api.Found{}, "MctrStatus": mctr.Status{}, "MctrUsage": mctr.Usage{}, "Table": api.Table{},
	"StreamMessage": api.StreamMessage{}, "ProcessIO": api.ProcessIO{},
	"Images": api.Images{}, "ImageDetail": api.ImageDetail{}, "StoreReport": provisioner.PruneReport{},
	"Failure":  api.Failure{},
	"Findings": api.Findings{}, "HostFacts": mctr.HostFacts{}, "Leftovers": api.Leftovers{}, "Ends": mctr.Ends{},
	"PathStat": api.PathStat{}, "StoreUsage": provisioner.Usage{}, "DiskUsage": containerizer.DiskUsage{},
	"Networks": api.Networks{}, "NetworkDetails": cni.Details{}, "NetworkCheck": api.NetworkCheck{},
}

// TestDescribedFields wants the fields of every message described as the code has
// them, and no others. Raw ones are refused when they are given, and not described,
// or documents of somebody else's.
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
	for name, out := range answers {
		compare(t, name, reflect.TypeOf(out), doc.Components.Schemas[name], map[reflect.Type]bool{})
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
	case typ.Kind() == reflect.Slice && typ.Elem().Kind() != reflect.Uint8:
		compare(t, at+"[]", typ.Elem(), schema.Value.Items, seen)
	case typ.Kind() == reflect.Map && schema.Value.AdditionalProperties.Schema != nil:
		compare(t, at+"{}", typ.Elem(), schema.Value.AdditionalProperties.Schema, seen)
	case typ.Kind() == reflect.Struct && typ != reflect.TypeFor[time.Time]() && !seen[typ]:
		seen[typ] = true
		described := maps.Clone(schema.Value.Properties)
		for name, field := range fields(typ) {
			if field == reflect.TypeFor[json.RawMessage]() {
				if described[name] != nil && described[name].Value.Type.Is("object") { // a document of somebody else's
					delete(described, name)
				}
				continue
			}
			compare(t, at+"."+name, field, described[name], seen)
			delete(described, name)
		}
		for name := range described {
			t.Errorf("openapi.yaml describes %s.%s, which there is not", at, name)
		}
	}
}

// fields are a struct's by their JSON names.
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
