// Package uts is the namespaces/uts isolator: it gives a container a hostname of its own, or the
// host's.
//
// Launch: Check and Prepare; the engine makes the namespace and sets the name. In the kernel: a uts
// namespace that ends with the container. On disk, recovery: nothing. uts_namespaces(7). In Mesos
// it is part of network/cni.
package uts

import (
	"context"
	"fmt"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/isolators"
)

// maxHostname is HOST_NAME_MAX of sethostname(2).
const maxHostname = 64

const nameLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

// New returns the isolator. It is stateless.
func New() isolators.Isolator { return isolator{} }

type isolator struct{ isolators.Base }

func (isolator) Name() string { return "namespaces/uts" }

// Check refuses a hostname that the kernel would refuse, or that would rename the host or the
// parent.
func (isolator) Check(_ context.Context, config *mctr.ContainerConfig) error {
	ns := config.Namespaces.UTS
	if err := isolators.CheckMode("namespaces.uts", ns); err != nil {
		return err
	}
	if len(config.Hostname) > maxHostname {
		return fmt.Errorf("%w: config.hostname: %d characters, at most %d", mctr.ErrInvalid, len(config.Hostname),
			maxHostname)
	}
	if strings.Trim(config.Hostname, nameLetters) != "" {
		return fmt.Errorf("%w: config.hostname %q: only letters, digits, '-', '_' and '.'", mctr.ErrInvalid,
			config.Hostname)
	}
	if config.Hostname != "" && (ns == isolators.Host || ns == isolators.Parent) {
		return fmt.Errorf("%w: config.hostname %s with namespaces.uts %s would rename the %s", mctr.ErrInvalid,
			config.Hostname, ns, ns)
	}
	return nil
}

// Prepare requests the namespace and the hostname (isolators.Hostname).
func (isolator) Prepare(_ context.Context, c *mctr.Container) (*mctr.Adjustment, error) {
	name, err := isolators.Hostname(c)
	if err != nil {
		return nil, err
	}
	a := &mctr.Adjustment{Spec: specs.Spec{Process: &specs.Process{}}}
	if c.Image == nil || !isolators.Has(c.Image.Env, "HOSTNAME") {
		a.Spec.Process.Env = []string{"HOSTNAME=" + name}
	}
	mode := c.Config.Namespaces.UTS
	if mode == isolators.Host {
		return a, nil
	}
	a.Spec.Linux = isolators.Namespace(c, specs.UTSNamespace, "uts", mode, inherits(c))
	if !isolators.Shares(c, mode, inherits(c)) {
		a.Spec.Hostname = name
	}
	return a, nil
}

// inherits reports whether a nested container has its parent's hostname by default.
func inherits(c *mctr.Container) bool { return c.Config.Hostname == "" }
