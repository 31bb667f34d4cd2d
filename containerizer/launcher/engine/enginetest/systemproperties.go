package enginetest

import (
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr/containerizer/launcher/engine"
)

// systemProperties are names, sysctls, and other things that the kernel shows of a container.
var systemProperties = []property{
	{
		name: "hostname", script: "busybox hostname", want: "inside",
		set: func(_ *bench, s *specs.Spec) { s.Hostname = "inside" },
	},
	{
		name: "domainname", script: "cat /proc/sys/kernel/domainname", want: "example.org", lacks: newerThan11,
		set: func(_ *bench, s *specs.Spec) { s.Domainname = "example.org" },
	},
	{
		name: "annotations", want: "value", read: annotation,
		set: func(_ *bench, s *specs.Spec) { s.Annotations = map[string]string{"org.example.key": "value"} },
	},
	{
		name: "linux.sysctl", script: "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax", want: "1\n4567",
		base: func(_ *bench, s *specs.Spec) { s.Linux.Sysctl = map[string]string{"net.ipv4.ip_forward": "0"} },
		set: func(_ *bench, s *specs.Spec) {
			s.Linux.Sysctl = map[string]string{"net.ipv4.ip_forward": "1", "kernel.msgmax": "4567"}
		},
	},
	{
		name: "linux.personality", script: "busybox uname -m", want: "i686",
		lacks: map[string]string{"runc": "runc 1.1 passes over it (it came with 1.2)"},
		set: func(_ *bench, s *specs.Spec) {
			s.Linux.Personality = &specs.LinuxPersonality{Domain: specs.PerLinux32}
		},
	},
	{
		name: "linux.seccomp", script: "busybox mkdir /tmp/made 2>&1; " + status("Seccomp"),
		wants: func(_ *bench, shown string) bool {
			return strings.HasSuffix(shown, "Permission denied\nSeccomp: 2")
		},
		set: func(_ *bench, s *specs.Spec) {
			deny := specs.LinuxSyscall{Action: specs.ActErrno, Names: []string{"mkdir"}, ErrnoRet: &denyErrno}
			s.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActAllow,
				Architectures: []specs.Arch{specs.ArchX86_64}, Syscalls: []specs.LinuxSyscall{deny}}
		},
	},
}

func annotation(b *bench, c engine.Container) string {
	state, err := c.State()
	if err != nil {
		b.Fatal(err)
	}
	return state.Annotations["org.example.key"]
}

// newerThan11 excuses the runtimes of Debian 12, which do not support what runtime-spec 1.1
// introduced.
var newerThan11 = map[string]string{
	"runc": "runc 1.1 knows runtime-spec 1.0.2", "crun": "crun 1.8 says that it knows runtime-spec 1.0.0",
}
