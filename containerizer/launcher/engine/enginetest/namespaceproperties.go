package enginetest

import (
	"fmt"
	"os"
	"runtime"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// namespaceProperties are new namespaces, existing ones, and mappings into them.
var namespaceProperties = []property{
	newNamespace(specs.PIDNamespace, "pid", nil),
	newNamespace(specs.IPCNamespace, "ipc", nil),
	newNamespace(specs.UTSNamespace, "uts", nil),
	newNamespace(specs.NetworkNamespace, "net", nil),
	newNamespace(specs.CgroupNamespace, "cgroup", nil),
	newNamespace(specs.TimeNamespace, "time", newerThan11),
	namespaceByPath(specs.IPCNamespace, "ipc", unix.CLONE_NEWIPC),
	namespaceByPath(specs.UTSNamespace, "uts", unix.CLONE_NEWUTS),
	namespaceByPath(specs.NetworkNamespace, "net", unix.CLONE_NEWNET),
	namespaceByPath(specs.CgroupNamespace, "cgroup", unix.CLONE_NEWCGROUP),
	{
		name: "linux.uidMappings and gidMappings", want: "0 100000 1000\n0 200000 500",
		script: "cat /proc/self/uid_map /proc/self/gid_map | while read -r a b c; do echo $a $b $c; done",
		set: func(_ *bench, s *specs.Spec) {
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
			s.Linux.UIDMappings = []specs.LinuxIDMapping{{ContainerID: 0, HostID: 100000, Size: 1000}}
			s.Linux.GIDMappings = []specs.LinuxIDMapping{{ContainerID: 0, HostID: 200000, Size: 500}}
		},
	},
	{
		name: "linux.timeOffsets", script: "while read -r clock seconds rest; do echo $clock $seconds; " +
			"done </proc/self/timens_offsets", want: "monotonic 1000\nboottime 2000",
		set: func(_ *bench, s *specs.Spec) {
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.TimeNamespace})
			s.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{"monotonic": {Secs: 1000}, "boottime": {Secs: 2000}}
		},
		lacks: newerThan11,
	},
}

// without returns the spec's namespaces except the one of type kind.
func without(s *specs.Spec, kind specs.LinuxNamespaceType) []specs.LinuxNamespace {
	return slices.DeleteFunc(slices.Clone(s.Linux.Namespaces), func(n specs.LinuxNamespace) bool {
		return n.Type == kind
	})
}

// newNamespace wants a namespace that differs from this process's.
func newNamespace(kind specs.LinuxNamespaceType, name string, lacks map[string]string) property {
	return property{
		name: "linux.namespaces: a new one, " + name, script: "busybox readlink /proc/self/ns/" + name, lacks: lacks,
		base: func(_ *bench, s *specs.Spec) { s.Linux.Namespaces = without(s, kind) },
		set: func(_ *bench, s *specs.Spec) {
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: kind})
		},
		wants: func(b *bench, shown string) bool {
			ours, err := os.Readlink("/proc/self/ns/" + name)
			if err != nil {
				b.Fatal(err)
			}
			return shown != "" && shown != ours
		},
	}
}

// namespaceByPath wants a namespace that the caller has created.
func namespaceByPath(kind specs.LinuxNamespaceType, name string, flag int) property {
	return property{
		name: "linux.namespaces: by path, " + name, script: "busybox readlink /proc/self/ns/" + name,
		set: func(b *bench, s *specs.Spec) {
			made := specs.LinuxNamespace{Type: kind, Path: b.namespace(name, flag)}
			s.Linux.Namespaces = append(without(s, kind), made)
		},
		wants: func(b *bench, shown string) bool { return shown == b.createdNamespace },
	}
}

// namespace creates a namespace, and returns its path as a descriptor of this process.
func (b *bench) namespace(name string, flag int) string {
	b.Helper()
	made := make(chan *os.File)
	failed := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		file, err := (*os.File)(nil), unix.Unshare(flag)
		if err == nil {
			file, err = os.Open(fmt.Sprintf("/proc/%d/task/%d/ns/%s", os.Getpid(), unix.Gettid(), name))
		}
		failed <- err
		made <- file
	}()
	if err := <-failed; err != nil {
		b.Fatal(err)
	}
	file := <-made
	b.Cleanup(func() { _ = file.Close() })
	path := fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), file.Fd())
	shown, err := os.Readlink(path)
	if err != nil {
		b.Fatal(err)
	}
	b.createdNamespace = shown
	return path
}
