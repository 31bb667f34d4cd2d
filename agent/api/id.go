package api

import (
	"fmt"
	"strings"

	"github.com/mctr/mctr"
)

// A ContainerID is an id as Mesos writes it: a nested container's names its parent.
type ContainerID struct {
	Value  string       `json:"value"`
	Parent *ContainerID `json:"parent,omitempty"`
}

// NewContainerID writes id as Mesos does.
func NewContainerID(id mctr.ContainerID) ContainerID {
	c := ContainerID{Value: string(id[strings.LastIndexByte(string(id), '.')+1:])}
	if parent := id.Parent(); parent != "" {
		p := NewContainerID(parent)
		c.Parent = &p
	}
	return c
}

// ID is the id in mctr's form, if it is one. The error wraps mctr.ErrInvalid.
func (c ContainerID) ID() (mctr.ContainerID, error) {
	var parts []string
	for p := &c; p != nil; p = p.Parent {
		if strings.Contains(p.Value, ".") {
			return "", fmt.Errorf("%w: container_id: value %q has a dot: give its parent under \"parent\"",
				mctr.ErrInvalid, p.Value)
		}
		parts = append([]string{p.Value}, parts...)
	}
	id := mctr.ContainerID(strings.Join(parts, "."))
	return id, id.Validate()
}
