// Package sysctl is the linux/sysctl isolator: it sets kernel parameters of the container's own
// namespaces. It refuses parameters of the whole host and of namespaces that the container shares.
//
// Launch: Check and Prepare; the engine writes the parameters below /proc/sys when the namespaces
// exist. In the kernel: values that end with the namespaces. On disk, recovery: nothing. Spec:
// runtime-spec config-linux.md, linux.sysctl. Mesos has no such isolator.
package sysctl

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/isolators"
)

// New returns the isolator. It is stateless.
func New() isolators.Isolator { return isolator{} }

type isolator struct{ isolators.Base }

func (isolator) Name() string { return "linux/sysctl" }

// Check refuses parameters that would affect more than the container.
func (isolator) Check(_ context.Context, config *mctr.ContainerConfig) error {
	return check(config, false)
}

func check(config *mctr.ContainerConfig, nested bool) error {
	for _, key := range slices.Sorted(maps.Keys(config.Sysctls)) {
		if why := refusal(dotted(key), config, nested); why != "" {
			return fmt.Errorf("%w: config.sysctls %s: %s", mctr.ErrInvalid, key, why)
		}
	}
	return nil
}

// refusal returns the reason why a parameter does not belong to the container alone; "" if it does.
// A nested container is in its parent's namespaces unless its config asks for others.
func refusal(name string, config *mctr.ContainerConfig, nested bool) string {
	if name == "kernel.hostname" {
		return "use config.hostname"
	}
	for _, space := range []struct {
		has                     bool
		mode, kind, field, none string
	}{
		{isIPC(name), config.Namespaces.IPC, "ipc namespace", "namespaces.ipc", "private"},
		{name == "kernel.domainname", config.Namespaces.UTS, "uts namespace", "namespaces.uts", "private"},
		{strings.HasPrefix(name, "net."), config.Network, "network", "config.network", "none"},
	} {
		if space.mode == "" && nested {
			space.mode = "parent"
		}
		switch {
		case space.has && strings.HasPrefix(space.mode, mctr.JoinNetwork):
			return fmt.Sprintf("the network is another container's (config.network %s): set it there", space.mode)
		case space.has && (space.mode == "host" || space.mode == "parent"):
			return fmt.Sprintf("the %s is the %s's (%s %s): set it there, or give the container its own (%s %s)",
				space.kind, space.mode, space.field, space.mode, space.field, space.none)
		case space.has:
			return ""
		}
	}
	return "it belongs to the whole host, not to a namespace (see namespaces(7)): set it on the host"
}

// isIPC reports whether a parameter belongs to ipc namespaces (ipc_namespaces(7)).
func isIPC(name string) bool {
	switch name {
	case "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
		"kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced":
		return true
	}
	return strings.HasPrefix(name, "fs.mqueue.")
}

// dotted returns a key with dots as separators. If the first separator is a slash, slashes separate
// and dots are part of a name (sysctl.d(5)).
func dotted(key string) string {
	if at := strings.IndexAny(key, "./"); at < 0 || key[at] == '.' {
		return key
	}
	return strings.NewReplacer(".", "/", "/", ".").Replace(key)
}

// Prepare requests the parameters, and refuses those that a nested container shares by default.
func (isolator) Prepare(_ context.Context, c *mctr.Container) (*mctr.Adjustment, error) {
	if err := check(c.Config, c.ID.Parent() != ""); err != nil || len(c.Config.Sysctls) == 0 {
		return nil, err
	}
	return &mctr.Adjustment{Spec: specs.Spec{Linux: &specs.Linux{Sysctl: c.Config.Sysctls}}}, nil
}
