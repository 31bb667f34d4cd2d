// Package plaintext refuses strings that JSON cannot represent. Configs, records and messages are
// JSON, whose strings are UTF-8: other bytes would silently become U+FFFD. It creates nothing.
package plaintext

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mctr/mctr"
)

// Check returns an error if a string in v, by its JSON fields, is not UTF-8. The error names the
// field and wraps mctr.ErrInvalid; of a NAME=VALUE it shows only the name, because the value may be
// a secret.
func Check(v any) error { return check(reflect.ValueOf(v), "") }

func check(v reflect.Value, at string) error {
	switch v.Kind() {
	case reflect.String:
		return text(v.String(), at)
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			return check(v.Elem(), at)
		}
	case reflect.Struct:
		return fields(v, at)
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return nil // bytes are base64 in JSON
		}
		for i := range v.Len() {
			if err := check(v.Index(i), fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
	case reflect.Map:
		keys := v.MapKeys() // sorted, so that the error always names the same field
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
		for _, key := range keys {
			if err := check(key, at); err != nil {
				return err
			}
			if err := check(v.MapIndex(key), join(at, fmt.Sprint(key))); err != nil {
				return err
			}
		}
	}
	return nil
}

func fields(v reflect.Value, at string) error {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "-" {
			continue
		}
		inside := at
		if !f.Anonymous {
			if name == "" {
				name = f.Name
			}
			inside = join(at, name)
		}
		if err := check(v.Field(i), inside); err != nil {
			return err
		}
	}
	return nil
}

func join(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}

func text(s, at string) error {
	if utf8.ValidString(s) {
		return nil
	}
	shown, _, pair := strings.Cut(s, "=")
	if pair {
		shown += "=..."
	}
	return fmt.Errorf("%w: %s %.80q: it has bytes that are not UTF-8", mctr.ErrInvalid, at, shown)
}
