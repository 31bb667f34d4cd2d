package ocibinary

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// newerFeatures are the properties of config.json that are newer than runtime-spec 1.0.2, and the
// version that introduced each (runtime-spec, ChangeLog).
var newerFeatures = []struct {
	name, since string
	used        func(*specs.Spec) bool
}{
	{"domainname", "1.1.0", func(s *specs.Spec) bool { return s.Domainname != "" }},
	{"a time namespace", "1.1.0", func(s *specs.Spec) bool {
		return len(s.Linux.TimeOffsets) > 0 ||
			slices.ContainsFunc(s.Linux.Namespaces, func(n specs.LinuxNamespace) bool {
				return n.Type == specs.TimeNamespace
			})
	}},
	{"an idmapped mount", "1.1.0", func(s *specs.Spec) bool {
		return slices.ContainsFunc(s.Mounts, func(m specs.Mount) bool {
			return len(m.UIDMappings)+len(m.GIDMappings) > 0
		})
	}},
	{"process.scheduler", "1.1.0", func(s *specs.Spec) bool { return s.Process.Scheduler != nil }},
	{"process.ioPriority", "1.1.0", func(s *specs.Spec) bool { return s.Process.IOPriority != nil }},
	{"process.execCPUAffinity", "1.2.0", func(s *specs.Spec) bool { return s.Process.ExecCPUAffinity != nil }},
	{"cpu.burst", "1.1.0", func(s *specs.Spec) bool { return cpu(s).Burst != nil }},
	{"cpu.idle", "1.1.0", func(s *specs.Spec) bool { return cpu(s).Idle != nil }},
	{"memory.checkBeforeUpdate", "1.1.0", func(s *specs.Spec) bool {
		return s.Linux.Resources != nil && s.Linux.Resources.Memory != nil &&
			s.Linux.Resources.Memory.CheckBeforeUpdate != nil
	}},
	{"seccomp.listenerPath", "1.1.0", func(s *specs.Spec) bool {
		return s.Linux.Seccomp != nil && s.Linux.Seccomp.ListenerPath != ""
	}},
	{"linux.netDevices", "1.3.0", func(s *specs.Spec) bool { return len(s.Linux.NetDevices) > 0 }},
	{"linux.memoryPolicy", "1.3.0", func(s *specs.Spec) bool { return s.Linux.MemoryPolicy != nil }},
}

func cpu(s *specs.Spec) specs.LinuxCPU {
	if s.Linux.Resources == nil || s.Linux.Resources.CPU == nil {
		return specs.LinuxCPU{}
	}
	return *s.Linux.Resources.CPU
}
