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

// CheckMode refuses other modes of field, which is the path of a field of the config.
func CheckMode(field, mode string) error {
	if !slices.Contains([]string{"", Private, Host, Parent}, mode) {
		return fmt.Errorf("%w: %s %s: private, host, or parent (of a nested container)", mctr.ErrInvalid, field, mode)
	}
	return nil
}

// Shares reports whether c, with this mode, is in its parent's namespace; inherit is
// the default of a nested container.
func Shares(c *mctr.Container, mode string, inherit bool) bool {
	return c.Parent != nil && (mode == Parent || mode == "" && inherit)
}

// Namespace is what c's spec says of a namespace that is not the host's: one of
// its own, or its parent's.
func Namespace(c *mctr.Container, kind specs.LinuxNamespaceType, file, mode string, inherit bool) *specs.Linux {
	ns := specs.LinuxNamespace{Type: kind}
	if Shares(c, mode, inherit) {
		ns.Path = c.Parent.Namespace(file)
	}
	return &specs.Linux{Namespaces: []specs.LinuxNamespace{ns}}
}
