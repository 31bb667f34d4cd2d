// Package fields compares JSON that programs send to each other with the Go types that they decode
// it into: encoding/json silently ignores a name that the type lacks, so that a request would be
// lost. It creates nothing.
package fields

import (
	"cmp"
	"encoding"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Of returns the paths of the fields of v's type, for instance "create.log.driver": the JSON names
// of the enclosing objects and of the field. Types that decode themselves, maps and interfaces have
// no fields.
func Of(v any) []string {
	s := set{}
	s.add("", reflect.TypeOf(v))
	return slices.Sorted(maps.Keys(s))
}

type set map[string]bool

func (s set) add(prefix string, t reflect.Type) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || decodesItself(t) {
		return
	}
	for i := range t.NumField() {
		field := t.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case name == "" && field.Anonymous:
			s.add(prefix, field.Type)
		case name == "-" || !field.IsExported():
		default:
			name = cmp.Or(name, field.Name)
			s[prefix+name] = true
			s.add(prefix+name+".", field.Type)
		}
	}
}

func decodesItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(reflect.TypeFor[json.Unmarshaler]()) ||
		p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// Missing returns, sorted, the paths in a JSON object that are not in known. If all of an object is
// missing, it returns only the path of the object. It ignores null values.
func Missing(data []byte, known []string) ([]string, error) {
	var object any
	if err := json.Unmarshal(data, &object); err != nil {
		return nil, err
	}
	w := walk{known: set{}, within: set{}, missing: set{}}
	for _, path := range known {
		w.known[path] = true
		if i := strings.LastIndexByte(path, '.'); i >= 0 {
			w.within[path[:i]] = true
		}
	}
	w.value("", object)
	return slices.Sorted(maps.Keys(w.missing)), nil
}

// A walk collects the unknown names in a value.
type walk struct {
	known   set
	within  set // objects whose fields are known
	missing set
}

func (w *walk) value(path string, v any) {
	switch v := v.(type) {
	case []any:
		for _, element := range v {
			w.value(path, element)
		}
	case map[string]any:
		if path != "" && !w.within[path] {
			return // a map, or a type that decodes itself
		}
		for name, field := range v {
			w.field(strings.TrimPrefix(path+"."+name, "."), field)
		}
	}
}

func (w *walk) field(path string, v any) {
	switch {
	case v == nil:
	case !w.known[path]:
		w.missing[path] = true
	default:
		w.value(path, v)
	}
}
