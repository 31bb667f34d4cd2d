package fields

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
)

// An Unknown is what a JSON text has and the type that it was to be decoded into lacks.
type Unknown []string

func (u Unknown) Error() string { return "unknown fields: " + strings.Join(u, ", ") }

// Decode reads data into v, also what an earlier build wrote: see Unmarshal. Where v's type
// lacks something of it, the error is an Unknown that names all of that, and v holds what its
// type has.
func Decode(data []byte, v any) error {
	strict := decodeStrictly(data, v)
	if strict == nil {
		return nil
	}
	data = renewed(data, reflect.TypeOf(v))
	if strict = decodeStrictly(data, v); strict == nil {
		return nil
	}
	if err := json.Unmarshal(data, v); err != nil {
		return err
	}
	if missing, err := Missing(data, Of(v)); err == nil && len(missing) > 0 {
		return Unknown(missing)
	}
	return strict
}

// decodeStrictly refuses names that v's type lacks, and whatever follows the value.
func decodeStrictly(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	return json.Unmarshal(data, new(json.RawMessage))
}
