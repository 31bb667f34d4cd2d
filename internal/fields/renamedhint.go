package fields

import (
	"fmt"
	"reflect"
	"strings"
)

// Renamed returns err, the error of strictly decoding into v. If err refuses the name that a field had
// in an earlier build, Renamed adds the current name.
func Renamed(err error, v any) error {
	if err == nil {
		return nil
	}
	_, quoted, unknown := strings.Cut(err.Error(), "json: unknown field ")
	if !unknown {
		return err
	}
	earlier := set{}
	earlier.addEarlier(strings.Trim(quoted, `"`), reflect.TypeOf(v))
	for name := range earlier {
		return fmt.Errorf("%w: now it is called %s", err, name)
	}
	return err
}

// addEarlier adds the name of a field of t, or of a type in it, whose name in an earlier build was
// name.
func (s set) addEarlier(name string, t reflect.Type) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || decodesItself(t) {
		return
	}
	now := map[string]field{}
	addFields(now, t)
	if f, known := now[plain(name)]; known && f.name != name {
		s[f.name] = true
	}
	for _, f := range now {
		s.addEarlier(name, f.typ)
	}
}
