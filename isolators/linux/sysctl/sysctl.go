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
	for _, key := range slices.Sorted(maps.Keys(config.Sysctls)) {
		if why := refusal(key, config); why != "" {
			return fmt.Errorf("%w: --sysctl %s: %s", mctr.ErrInvalid, key, why)
		}
	}
	return nil
}

// refusal says why a parameter cannot be the container's own; "" if it can.
func refusal(key string, config *mctr.ContainerConfig) string {
	name := dotted(key)
	if name == "kernel.hostname" {
		return "use --hostname"
	}
	for _, space := range []struct {
		has, shared bool
		kind, flag  string
	}{
		{isIPC(name), config.Namespaces.IPC == "host", "ipc namespace", "--ipc host"},
		{name == "kernel.domainname", config.Namespaces.UTS == "host", "uts namespace", "--uts host"},
		{strings.HasPrefix(name, "net."), config.Network == "host", "network", "--network host"},
	} {
		switch {
		case space.has && space.shared:
			return fmt.Sprintf("the container shares the host's %s (%s): set it on the host, or leave %s out", space.kind, space.flag, space.flag)
		case space.has:
			return ""
		}
	}
	return "it is the whole host's and no container's own (of ipc, uts and network namespaces, see namespaces(7)): set it on the host"
}

// isIPC says whether a parameter is one of an ipc_namespaces(7).
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

// Prepare asks for them.
func (isolator) Prepare(_ context.Context, c *mctr.Container) (*mctr.Adjustment, error) {
	if len(c.Config.Sysctls) == 0 {
		return nil, nil
	}
	return &mctr.Adjustment{Spec: specs.Spec{Linux: &specs.Linux{Sysctl: c.Config.Sysctls}}}, nil
}
