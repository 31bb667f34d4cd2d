package fields

import (
	"bytes"
	"encoding/json"
	"strings"
)

// An Unknown is what a JSON text has and the type that it was to be decoded into lacks.
type Unknown []string

func (u Unknown) Error() string { return "unknown fields: " + strings.Join(u, ", ") }

// Decode reads data into v. Where v's type lacks something of it, the error is an
// Unknown that names all of that, and v holds what its type has.
func Decode(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	strict := d.Decode(v)
	if strict == nil {
		return json.Unmarshal(data, new(json.RawMessage)) // nothing may follow
	}
	if err := json.Unmarshal(data, v); err != nil {
		return err
	}
	if missing, err := Missing(data, Of(v)); err == nil && len(missing) > 0 {
		return Unknown(missing)
	}
	return strict
}
