package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/mctr/mctr"
)

// A ContainerID is a container id with the JSON form of Mesos: the id of a nested container contains
// the id of its parent.
type ContainerID mctr.ContainerID

// NewContainerID converts the library's id for use in a message.
func NewContainerID(id mctr.ContainerID) ContainerID { return ContainerID(id) }

// ID converts the id of a message to the library's type.
func (c ContainerID) ID() mctr.ContainerID { return mctr.ContainerID(c) }

// mesosID is the JSON form of a ContainerID.
type mesosID struct {
	Value  string   `json:"value"`
	Parent *mesosID `json:"parent,omitempty"`
}

// MarshalJSON implements [json.Marshaler].
func (c ContainerID) MarshalJSON() ([]byte, error) {
	var id *mesosID
	for part := range strings.SplitSeq(string(c), ".") {
		id = &mesosID{Value: part, Parent: id}
	}
	return json.Marshal(id)
}

// UnmarshalJSON implements [json.Unmarshaler]. The error wraps mctr.ErrInvalid.
func (c *ContainerID) UnmarshalJSON(data []byte) error {
	var id mesosID
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&id); err != nil {
		return fmt.Errorf("%w: container_id: %w", mctr.ErrInvalid, err)
	}
	var parts []string
	for p := &id; p != nil; p = p.Parent {
		if strings.Contains(p.Value, ".") {
			return fmt.Errorf("%w: container_id: value %q has a dot: name the parent in \"parent\"",
				mctr.ErrInvalid, p.Value)
		}
		parts = append(parts, p.Value)
	}
	slices.Reverse(parts)
	*c = ContainerID(strings.Join(parts, "."))
	return c.ID().Validate()
}

// checkContainerID fails if a message has a field for a container id and the id in it is missing or
// not valid.
func checkContainerID(message any) error {
	v := reflect.Indirect(reflect.ValueOf(message))
	if v.Kind() != reflect.Struct {
		return nil
	}
	field := v.FieldByName("ContainerID")
	if !field.IsValid() {
		return nil
	}
	if id, ok := reflect.TypeAssert[ContainerID](field); ok {
		return id.ID().Validate()
	}
	return nil
}
