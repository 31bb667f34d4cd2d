package api

import (
	"fmt"

	"github.com/mctr/mctr"
)

// A Secret is the value of a secret, or a reference to it.
type Secret struct {
	Type      string           `json:"type"` // VALUE, REFERENCE
	Value     *SecretValue     `json:"value,omitempty"`
	Reference *SecretReference `json:"reference,omitempty"`
}

// A SecretValue is the content of a secret.
type SecretValue struct {
	Data mctr.SecretValue `json:"data"` // base64
}

// A SecretReference names a file of the agent's host, which is read at each start of the container.
type SecretReference struct {
	Name string `json:"name"`          // file:/PATH
	Key  string `json:"key,omitempty"` // refused
}

// resolve returns the source of a secret, or its value. what names the secret in errors.
func (s *Secret) resolve(what string) (source string, value mctr.SecretValue, err error) {
	switch {
	case s == nil:
	case s.Type == "VALUE" && s.Value != nil && s.Value.Data != nil && s.Reference == nil:
		return "", s.Value.Data, nil
	case s.Type == "REFERENCE" && s.Reference != nil && s.Value == nil:
		if s.Reference.Key != "" {
			return "", nil, refused(what+": reference.key", "a file holds one secret")
		}
		return s.Reference.Name, nil, nil
	}
	return "", nil, fmt.Errorf("%w: %s: want a secret of type VALUE with value.data, or REFERENCE with reference",
		mctr.ErrInvalid, what)
}
