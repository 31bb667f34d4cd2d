package fields

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
)

// An Unknown lists the fields of a JSON text that the type it is decoded into lacks.
type Unknown []string

func (u Unknown) Error() string { return "unknown fields: " + strings.Join(u, ", ") }

// Decode decodes data into v; it understands what earlier builds wrote, see Unmarshal. If v's type
// lacks fields of data, the error is an Unknown that names them all, and v has the other fields.
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

// decodeStrictly refuses names that v's type lacks, and any data after the value.
func decodeStrictly(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	return json.Unmarshal(data, new(json.RawMessage))
}
