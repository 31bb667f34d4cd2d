package main

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
)

// A generator makes the schemas of Go types, in the form that encoding/json gives them.
type generator struct {
	comments *comments
	schemas  openapi3.Schemas
	asked    map[reflect.Type]bool // types that callers send
	names    []string              // of all structs and fields, the latter as struct.field
	errs     []error
}

// prefixes distinguish types with the same name, by the last element of their package path.
var prefixes = map[string]string{
	"api": "", "containerizer": "", "mctr": "Mctr", "cni": "Network", "networks": "Network", "provisioner": "Store",
	"store":    "Store",
	"manifest": "Store", "rootfs": "", "wire": "Stream", "logs": "Mctr", "v1": "OCI",
}

// unlike has the exceptions to the rule in required: for a field, or for all fields of a struct,
// whether it is required.
var unlike = map[string]bool{
	"Failure.error": true, "MctrGroup.root": true, "MctrGroup.tasks": true,
	"Acknowledgement.keys": false, "Capabilities.capabilities": false, "Environment.variables": false,
	"FileRange.offset": false,
	// structs
	"Control": false, "Data": false, "Duration": false, "HostPath": false, "Label": false, "PortMapping": false,
	"RLimit": false, "SandboxPath": false, "VolumeSource": false, "WindowSize": false,
}

// descriptions replace the comments of fields and structs that make sense only to readers of Go.
var descriptions = map[string]string{
	"MctrEventOptions": "EventOptions select past events and, with follow, new ones.",
	"MctrEventOptions.after": "only events after this cursor; 0: all that are kept. If events before the first " +
		"one are missing, an event with the action gap comes first",
	"MctrHealthCheck.image":    "use the command of the image's HEALTHCHECK, and its times where they are 0 here",
	"MctrHealthCheck.disabled": "no health check, not even the one of the image",
	"MctrEnds": "Ends are the terminations that no client has acknowledged, oldest first. 10,000 are kept for an " +
		"agent, for 30 days.",
	"MctrEnds.dropped":          "how many ends were dropped since the last acknowledgement",
	"MctrEnds.dropped_last":     "time when the last of them was dropped",
	"MctrSecretVariable.source": "file:/PATH on the agent's host",
	"MctrSecretVariable.value":  "1 byte to 512 KiB; never recorded",
	"MctrVolume.value":          "of a secret, 1 byte to 512 KiB; never recorded",
	"MctrUsage.memory_anon":     "heaps and stacks; v1 calls it rss",
	"NetworkDefinition":         "A Definition is what mctr makes a network from.",
	"NetworkDefinition.driver":  "bridge (default), macvlan, vxlan",
	"NetworkDefinition.created": "set by mctr",
	"NetworkDefinition.bridge":  "the interface; set by mctr",
	"NetworkDefinition.gc":      "the stores of the plugins hold only attachments of this root; set by mctr",
	"NetworkOverlay.device":     "the interface; set by mctr",
	"NetworkSubnet.subnet":      "a prefix, as 10.9.0.0/24",
	"NetworkMember.state":       "adding, attached, detaching",
	"NetworkDetails.containers": "by container id",
	"NetworkDetails.config":     "the CNI configuration list",
}

// describe returns the description of a struct or field: the one in descriptions, or else its comment.
func (g *generator) describe(name, comment string) string {
	g.names = append(g.names, name)
	if text, ok := descriptions[name]; ok {
		return text
	}
	return comment
}

// checkTables fails if the tables have entries for fields or structs that do not exist.
func (g *generator) checkTables() error {
	var errs []error
	for _, name := range slices.Concat(slices.Collect(maps.Keys(descriptions)), slices.Collect(maps.Keys(unlike))) {
		if !slices.Contains(g.names, name) {
			errs = append(errs, fmt.Errorf("genopenapi has a rule for %s, which is in no message", name))
		}
	}
	return errors.Join(errs...)
}

func object() *openapi3.Schema { return openapi3.NewObjectSchema() }

// none forbids fields that are not in the schema.
func none() openapi3.AdditionalProperties { return openapi3.AdditionalProperties{Has: new(bool)} }

// component adds a schema under a name, and returns a reference to it.
func (g *generator) component(name string, s *openapi3.Schema) *openapi3.SchemaRef {
	g.schemas[name] = s.NewRef()
	return openapi3.NewSchemaRef("#/components/schemas/"+name, nil)
}

// schema returns the schema of a type. For a struct it is a reference to a component.
func (g *generator) schema(t reflect.Type) *openapi3.SchemaRef {
	switch t {
	case reflect.TypeFor[time.Time]():
		return openapi3.NewDateTimeSchema().NewRef()
	case reflect.TypeFor[[]byte](), reflect.TypeFor[mctr.SecretValue]():
		return openapi3.NewBytesSchema().NewRef()
	case reflect.TypeFor[json.RawMessage](), specType:
		return object().NewRef()
	case reflect.TypeFor[api.Number]():
		infinity := openapi3.NewStringSchema().WithEnum("Infinity")
		return openapi3.NewOneOfSchema(openapi3.NewFloat64Schema().WithFormat(""), infinity).NewRef()
	case reflect.TypeFor[api.ContainerID]():
		return g.containerID()
	}
	switch {
	case t.Kind() == reflect.Pointer:
		return g.schema(t.Elem())
	case t.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		return openapi3.NewStringSchema().NewRef()
	case t.Kind() == reflect.Struct && t.Name() == "":
		return object().NewRef()
	case t.Implements(reflect.TypeFor[json.Marshaler]()):
		g.errs = append(g.errs, fmt.Errorf("%s has its own JSON form, which genopenapi does not know", t))
	}
	switch t.Kind() {
	case reflect.Struct:
		return g.structure(t)
	case reflect.Slice:
		list := openapi3.NewArraySchema()
		list.Items = g.schema(t.Elem())
		return list.NewRef()
	case reflect.Map:
		m := object()
		m.AdditionalProperties.Schema = g.schema(t.Elem())
		return m.NewRef()
	case reflect.String:
		return openapi3.NewStringSchema().NewRef()
	case reflect.Bool:
		return openapi3.NewBoolSchema().NewRef()
	case reflect.Float64:
		return openapi3.NewFloat64Schema().WithFormat("").NewRef()
	}
	if !t.ConvertibleTo(reflect.TypeFor[int64]()) {
		g.errs = append(g.errs, fmt.Errorf("%s: genopenapi knows no schema for it", t))
	}
	return openapi3.NewIntegerSchema().NewRef()
}

// name returns the name of a struct among the components.
func (g *generator) name(t reflect.Type) string {
	prefix, known := prefixes[path.Base(t.PkgPath())]
	if !known {
		g.errs = append(g.errs, fmt.Errorf("%s: genopenapi has no prefix for its package %s", t, t.PkgPath()))
	}
	return prefix + t.Name()
}

func (g *generator) structure(t reflect.Type) *openapi3.SchemaRef {
	name := g.name(t)
	if g.schemas[name] != nil {
		return openapi3.NewSchemaRef("#/components/schemas/"+name, nil)
	}
	s := object()
	s.AdditionalProperties, s.Description = none(), g.describe(name, g.comments.doc(t))
	ref := g.component(name, s)
	g.fields(s, name, t)
	slices.Sort(s.Required)
	return ref
}

// fields adds the fields of t, including those of embedded structs.
func (g *generator) fields(s *openapi3.Schema, name string, t reflect.Type) {
	for f := range t.Fields() {
		tag, option, _ := strings.Cut(f.Tag.Get("json"), ",")
		empty := strings.HasPrefix(option, "omit")
		switch {
		case f.Anonymous && tag == "":
			g.fields(s, name, f.Type)
			continue
		case !f.IsExported(), tag == "-",
			f.Type == reflect.TypeFor[json.RawMessage]() && empty: // a caller that sets the field gets an error
			continue
		case tag == "":
			tag = f.Name
		}
		ref := g.schema(f.Type)
		description := g.describe(name+"."+tag, g.comments.field(t, f))
		if ref.Value != nil {
			ref.Value.Description = description
			kind := f.Type.Kind()
			ref.Value.Nullable = !empty && (kind == reflect.Map || kind == reflect.Slice && ref.Value.Items != nil)
		}
		if g.required(t, name, tag, empty) {
			s.Required = append(s.Required, tag)
		}
		s.WithPropertyRef(tag, ref)
	}
}

// required reports whether a caller must set a field. That is so for fields of package api's messages
// that are not omitted when empty, with the exceptions in unlike.
func (g *generator) required(t reflect.Type, name, tag string, empty bool) bool {
	if required, special := unlike[name+"."+tag]; special {
		return required
	}
	_, lenient := unlike[name]
	return !empty && !lenient && g.asked[t] && path.Base(t.PkgPath()) == "api"
}

// containerID returns the schema of a container id in the form of Mesos.
func (g *generator) containerID() *openapi3.SchemaRef {
	s := object()
	ref := g.component("ContainerID", s)
	s.AdditionalProperties, s.Required = none(), []string{"value"}
	s.Description = g.comments.doc(reflect.TypeFor[api.ContainerID]())
	s.WithProperty("value", openapi3.NewStringSchema()).WithPropertyRef("parent", ref)
	return ref
}
