package main

import (
	"bytes"
	_ "embed" // for frame
	"errors"
	"reflect"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/opencontainers/runtime-spec/specs-go"
	"sigs.k8s.io/yaml"

	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/agent/server"
)

// frame is the document without its schemas.
//
//go:embed frame.yaml
var frame []byte

// document returns the whole OpenAPI document.
func document() ([]byte, error) {
	text, err := readComments()
	if err != nil {
		return nil, err
	}
	g := &generator{comments: text, schemas: openapi3.Schemas{}, asked: asked(server.Verbs())}
	for _, t := range []reflect.Type{
		reflect.TypeFor[api.Failure](), reflect.TypeFor[api.ListedFile](), reflect.TypeFor[api.FilePiece](),
	} {
		g.schema(t)
	}
	g.calls(server.Verbs())
	if err := errors.Join(append(g.errs, g.checkTables())...); err != nil {
		return nil, err
	}
	schemas, err := yaml.Marshal(g.schemas)
	if err != nil {
		return nil, err
	}
	doc := bytes.NewBuffer(bytes.Clone(frame))
	for line := range strings.Lines(string(schemas)) {
		doc.WriteString("    " + line)
	}
	return doc.Bytes(), nil
}

// calls adds the schemas of the calls and their answers.
func (g *generator) calls(verbs []server.Verb) {
	call, answer := &openapi3.Schema{}, &openapi3.Schema{}
	call.Discriminator = &openapi3.Discriminator{PropertyName: "type", Mapping: map[string]openapi3.MappingRef{}}
	for _, v := range verbs {
		one := object()
		one.AdditionalProperties = none()
		one.Description = g.comments.constants[v.Name]
		one.Required = []string{"type"}
		one.WithProperty("type", openapi3.NewStringSchema().WithEnum(v.Name))
		if v.Message != nil {
			one.WithPropertyRef(api.Field(v.Name), g.schema(v.Message))
			if !v.Optional {
				one.Required = append(one.Required, api.Field(v.Name))
			}
		}
		ref := g.component(g.comments.names[v.Name]+"Call", one)
		call.OneOf = append(call.OneOf, ref)
		call.Discriminator.Mapping[v.Name] = openapi3.MappingRef{Ref: ref.Ref}
		if v.Kind == server.Stream {
			g.schema(v.Answer)
		} else if v.Answer != nil {
			one := object().WithProperty("type", openapi3.NewStringSchema().WithEnum(v.Name))
			given := g.schema(v.Answer)
			if element(v.Answer) == specType {
				given.Value.Description = "an OCI runtime-spec config.json"
			}
			answer.OneOf = append(answer.OneOf, one.WithPropertyRef(api.Field(v.Name), given).NewRef())
		}
	}
	g.component("Call", call)
	g.component("Answer", answer)
}

// asked returns the types that callers send: those of messages, and of the fields of messages.
func asked(verbs []server.Verb) map[reflect.Type]bool {
	all := map[reflect.Type]bool{}
	var add func(t reflect.Type)
	add = func(t reflect.Type) {
		switch t = element(t); {
		case t.Kind() == reflect.Map:
			add(t.Elem())
		case t.Kind() == reflect.Struct && !all[t]:
			all[t] = true
			for f := range t.Fields() {
				add(f.Type)
			}
		}
	}
	for _, v := range verbs {
		if v.Message != nil {
			add(v.Message)
		}
	}
	return all
}

// element returns the type that a pointer or slice leads to.
func element(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t
}

// specType is the type of a document that another specification describes.
var specType = reflect.TypeFor[specs.Spec]()
