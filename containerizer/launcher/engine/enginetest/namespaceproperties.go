package enginetest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/vishvananda/netlink"
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
		name: "linux.namespaces: by path, pid", script: "busybox readlink /proc/self/ns/pid",
		set: func(b *bench, s *specs.Spec) {
			path := b.processIn(&syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID}, "pid")
			s.Linux.Namespaces = append(without(s, specs.PIDNamespace),
				specs.LinuxNamespace{Type: specs.PIDNamespace, Path: path})
		},
		wants: ofProcess,
	},
	{
		name: "linux.namespaces: by path, user", script: "busybox readlink /proc/self/ns/user",
		set: func(b *bench, s *specs.Spec) {
			ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 100000, Size: 1000}}
			path := b.processIn(&syscall.SysProcAttr{
				Cloneflags: unix.CLONE_NEWUSER, UidMappings: ids, GidMappings: ids,
			}, "user")
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace, Path: path})
		},
		wants: ofProcess,
		lacks: map[string]string{"runc": "runc 1.1 asks for mappings beside the path"},
	},
	{
		name: "linux.netDevices", script: "busybox grep -c " + inside + ": /proc/net/dev", want: "1",
		base: func(b *bench, _ *specs.Spec) { b.link(outside) },
		set: func(_ *bench, s *specs.Spec) {
			s.Linux.NetDevices = map[string]specs.LinuxNetDevice{outside: {Name: inside}}
		},
		lacks: newerThan11,
	},
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

// inside and outside are the names of a link of the host in a container and on the host. The pid is in
// the name because the suites of several engines run at the same time.
const inside = "moved0"

var outside = fmt.Sprintf("mctret%d", os.Getpid()%1_000_000)

// link makes a link on the host, which is removed with the container's network namespace or after the
// case.
func (b *bench) link(name string) {
	b.Helper()
	attributes := netlink.NewLinkAttrs()
	attributes.Name = name
	link := &netlink.Veth{LinkAttrs: attributes, PeerName: name + "p"}
	if err := netlink.LinkAdd(link); err != nil && !errors.Is(err, unix.EEXIST) {
		b.Fatal("make a link: ", err)
	}
	b.Cleanup(func() { _ = netlink.LinkDel(link) })
}

// ofProcess wants the namespace of the process that processIn started, and kills that process.
func ofProcess(b *bench, shown string) bool {
	b.endProcess()
	return shown == b.createdNamespace
}

// processIn starts a process in a new namespace of the kind, and returns the namespace's path.
func (b *bench) processIn(attributes *syscall.SysProcAttr, kind string) string {
	b.Helper()
	cmd := exec.Command("/bin/busybox", "sleep", "1000")
	cmd.SysProcAttr = attributes
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.endProcess = sync.OnceFunc(func() { _ = errors.Join(cmd.Process.Kill(), cmd.Wait()) })
	b.Cleanup(b.endProcess) // a case that fails does not come to ofProcess
	path := fmt.Sprintf("/proc/%d/ns/%s", cmd.Process.Pid, kind)
	shown, err := os.Readlink(path)
	if err != nil {
		b.Fatal(err)
	}
	b.createdNamespace = shown
	return path
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
