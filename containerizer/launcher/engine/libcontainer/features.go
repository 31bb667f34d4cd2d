package libcontainer

import (
	"github.com/opencontainers/runc/libcontainer/capabilities"
	"github.com/opencontainers/runc/libcontainer/configs"
	"github.com/opencontainers/runc/libcontainer/seccomp"
	"github.com/opencontainers/runc/libcontainer/specconv"
	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/opencontainers/runtime-spec/specs-go/features"
)

// Features returns the properties of config.json that libcontainer supports (runtime-spec,
// features.md).
func (*runtime) Features() features.Features {
	yes := new(true)
	var filters *features.Seccomp // nil in a build without libseccomp
	if seccomp.Enabled {
		filters = &features.Seccomp{
			Enabled: yes, Actions: seccomp.KnownActions(), Operators: seccomp.KnownOperators(),
			Archs:      seccomp.KnownArchs(),
			KnownFlags: seccomp.KnownFlags(), SupportedFlags: seccomp.SupportedFlags(),
		}
	}
	return features.Features{
		OCIVersionMin: "1.0.0", OCIVersionMax: specs.Version,
		Hooks: configs.KnownHookNames(), MountOptions: specconv.KnownMountOptions(),
		Linux: &features.Linux{
			Namespaces: specconv.KnownNamespaces(), Capabilities: capabilities.KnownCapabilities(),
			Cgroup:   &features.Cgroup{V1: yes, V2: yes, Systemd: yes, SystemdUser: yes, Rdma: yes},
			Apparmor: &features.Apparmor{Enabled: yes},
			Selinux:  &features.Selinux{Enabled: yes},
			IntelRdt: &features.IntelRdt{Enabled: yes, Schemata: yes, Monitoring: yes},
			MemoryPolicy: &features.MemoryPolicy{Modes: specconv.KnownMemoryPolicyModes(),
				Flags: specconv.KnownMemoryPolicyFlags()},
			MountExtensions: &features.MountExtensions{IDMap: &features.IDMap{Enabled: yes}},
			NetDevices:      &features.NetDevices{Enabled: yes},
			Seccomp:         filters,
		},
		PotentiallyUnsafeConfigAnnotations: []string{"bundle", "org.systemd.property."},
	}
}
