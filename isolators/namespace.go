package isolators

import (
	"fmt"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
)

// The modes of a namespace: see mctr.Namespaces.
const (
	Private = "private"
	Host    = "host"
	Parent  = "parent"
)

// CheckMode returns an error that wraps mctr.ErrInvalid unless mode is one of the modes. field is
// the path of the config's field.
func CheckMode(field, mode string) error {
	if !slices.Contains([]string{"", Private, Host, Parent}, mode) {
		return fmt.Errorf("%w: %s %s: private, host, or parent (of a nested container)", mctr.ErrInvalid, field, mode)
	}
	return nil
}

// Shares reports whether c is in its parent's namespace if its config says mode. inherit is the
// default of a nested container.
func Shares(c *mctr.Container, mode string, inherit bool) bool {
	return c.Parent != nil && (mode == Parent || mode == "" && inherit)
}

// Namespace returns the part of c's spec for a namespace of its own, or for its parent's namespace.
func Namespace(c *mctr.Container, kind specs.LinuxNamespaceType, file, mode string, inherit bool) *specs.Linux {
	ns := specs.LinuxNamespace{Type: kind}
	if Shares(c, mode, inherit) {
		ns.Path = c.Parent.Namespace(file)
	}
	return &specs.Linux{Namespaces: []specs.LinuxNamespace{ns}}
}
