package fields

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
	"time"
)

// Unmarshal decodes data into v as json.Unmarshal does, and also understands what earlier builds
// wrote: names in camelCase that are in snake_case now, names in a field's tag "formerly", and
// durations as numbers of nanoseconds that are strings now.
func Unmarshal(data []byte, v any) error {
	if decodeStrictly(data, v) == nil {
		return nil
	}
	return json.Unmarshal(renewed(data, reflect.TypeOf(v)), v)
}

// renewed returns data, which is to be decoded into a t, with current names and forms of durations.
// It leaves what it cannot parse unchanged, for the decoder to refuse.
func renewed(data json.RawMessage, t reflect.Type) json.RawMessage {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case isDuration(t):
		var nanoseconds int64
		if json.Unmarshal(data, &nanoseconds) != nil {
			return data
		}
		text, _ := json.Marshal(time.Duration(nanoseconds).String()) // encoding a string cannot fail
		return text
	case decodesItself(t):
		return data
	case t.Kind() == reflect.Slice || t.Kind() == reflect.Array:
		var elements []json.RawMessage
		if json.Unmarshal(data, &elements) != nil {
			return data
		}
		for i := range elements {
			elements[i] = renewed(elements[i], t.Elem())
		}
		return encoded(elements, elements == nil, data)
	case t.Kind() == reflect.Map:
		var entries map[string]json.RawMessage
		if json.Unmarshal(data, &entries) != nil {
			return data
		}
		for key := range entries {
			entries[key] = renewed(entries[key], t.Elem())
		}
		return encoded(entries, entries == nil, data)
	case t.Kind() == reflect.Struct:
		var members map[string]json.RawMessage
		if json.Unmarshal(data, &members) != nil {
			return data
		}
		return encoded(renewedMembers(members, t), members == nil, data)
	}
	return data
}

// encoded returns v as JSON, or data if data is null.
func encoded(v any, null bool, data json.RawMessage) json.RawMessage {
	if null {
		return data
	}
	text, err := json.Marshal(v)
	if err != nil {
		return data
	}
	return text
}

// renewedMembers renames the members of an object to the names of t's fields. If a name is present
// in both forms, the current form wins.
func renewedMembers(members map[string]json.RawMessage, t reflect.Type) map[string]json.RawMessage {
	now := map[string]field{} // by plain name
	addFields(now, t)
	result := make(map[string]json.RawMessage, len(members))
	for name, value := range members {
		f, known := now[plain(name)]
		if !known {
			result[name] = value
			continue
		}
		if _, both := members[f.name]; both && name != f.name {
			continue
		}
		result[f.name] = renewed(value, f.typ)
	}
	return result
}

type field struct {
	name string
	typ  reflect.Type
}

func addFields(now map[string]field, t reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "" && f.Anonymous && f.Type.Kind() != reflect.Interface:
			addFields(now, f.Type)
		case name == "-" || !f.IsExported():
		case name == "":
			now[plain(f.Name)] = field{f.Name, f.Type}
		default:
			now[plain(name)] = field{name, f.Type}
			if former := f.Tag.Get("formerly"); former != "" {
				now[plain(former)] = field{name, f.Type}
			}
		}
	}
}

// plain returns the common form of a name in camelCase and in snake_case.
func plain(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }

// isDuration returns true if t is a duration that is a string in JSON.
func isDuration(t reflect.Type) bool {
	return t.Kind() == reflect.Int64 && t.ConvertibleTo(reflect.TypeFor[time.Duration]()) &&
		reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}
