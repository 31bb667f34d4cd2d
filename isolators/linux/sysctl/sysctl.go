// Package sysctl is the linux/sysctl isolator: kernel parameters of the
// container's own namespaces. What is the whole host's, or belongs to a
// namespace that the container shares, is refused.
//
// Launch: Check and Prepare; the engine writes them below /proc/sys when the
// namespaces exist. In the kernel: values that end with the namespaces. On disk,
// recovery: nothing. Spec: runtime-spec config-linux.md, linux.sysctl. Mesos has
// none.
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

// Check refuses what would change more than the container.
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

// refusal says why a parameter cannot be the container's own; "" if it can. A
// nested container is in its parent's namespaces unless it asks for others.
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
	return "it is the whole host's and no container's own (see namespaces(7)): set it on the host"
}

// isIPC reports whether a parameter is one of an ipc_namespaces(7).
func isIPC(name string) bool {
	switch name {
	case "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
		"kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced":
		return true
	}
	return strings.HasPrefix(name, "fs.mqueue.")
}

// dotted is a key with dots as separators. If a slash comes first, the slashes
// are those, and dots are part of a name (sysctl.d(5)).
func dotted(key string) string {
	if at := strings.IndexAny(key, "./"); at < 0 || key[at] == '.' {
		return key
	}
	return strings.NewReplacer(".", "/", "/", ".").Replace(key)
}

// Prepare asks for them, and refuses what a nested container shares by default.
func (isolator) Prepare(_ context.Context, c *mctr.Container) (*mctr.Adjustment, error) {
	if err := check(c.Config, c.ID.Parent() != ""); err != nil || len(c.Config.Sysctls) == 0 {
		return nil, err
	}
	return &mctr.Adjustment{Spec: specs.Spec{Linux: &specs.Linux{Sysctl: c.Config.Sysctls}}}, nil
}
