package enginetest

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// filesystemProperties are those of the root, the mounts, and the masked and read-only paths.
var filesystemProperties = []property{
	{
		name: "root.readonly", want: "refused\nmade",
		script: "busybox touch /made 2>/dev/null || echo refused; busybox touch /dev/made && echo made",
		set:    func(_ *bench, s *specs.Spec) { s.Root.Readonly = true },
	},
	rootPropagation("rprivate", "-", nil),
	rootPropagation("rshared", "shared", earlyPropagation),
	rootPropagation("rslave", "master", noSlaves),
	rootPropagation("unbindable", "unbindable", earlyPropagation),
	mounted("a tmpfs with its options", "/tmp", "rw,nosuid,nodev,noexec,noatime",
		specs.Mount{Type: "tmpfs", Source: "tmpfs",
			Options: []string{"nosuid", "nodev", "noexec", "noatime", "size=64k", "mode=1750"}}),
	{
		name: "mounts: the size of a tmpfs", want: "1K-blocks\n64",
		script: "busybox df -k /tmp | while read -r a size rest; do echo $size; done",
		set:    mount("/tmp", specs.Mount{Type: "tmpfs", Source: "tmpfs", Options: []string{"size=64k"}}),
	},
	{
		name: "mounts: the mode of a tmpfs", script: "busybox stat -c %a /tmp", want: "1750",
		set:   mount("/tmp", specs.Mount{Type: "tmpfs", Source: "tmpfs", Options: []string{"mode=1750"}}),
		lacks: map[string]string{"runc": "runc 1.1 gives a tmpfs the mode of the directory that it is mounted on"},
	},
	bound("bind", "rw", "bind"),
	bound("ro", "ro", "bind", "ro"),
	bound("nosuid", "rw,nosuid", "bind", "nosuid"),
	bound("nodev", "rw,nodev", "bind", "nodev"),
	bound("noexec", "rw,noexec", "bind", "noexec"),
	bound("nodiratime", "rw,nodiratime", "bind", "nodiratime"),
	propagation("private", "-", nil),
	propagation("shared", "shared", nil),
	propagation("slave", "master", noSlaves),
	propagation("unbindable", "unbindable", nil),
	recursively("rbind", "rw -", nil, "rbind", "rprivate"),
	recursively("bind", "", map[string]string{"crun": "crun 1.8 binds the mounts below too"}, "bind", "rprivate"),
	recursively("rro", "ro -", nil, "rbind", "rprivate", "rro"),
	recursively("rshared", "rw shared",
		map[string]string{"crun": "crun 1.8 sets the propagation of the upper mount alone"}, "rbind", "rshared"),
	{
		name: "mounts: uidMappings and gidMappings", script: "busybox stat -c '%u %g' /tmp/source", want: "3000 4000",
		set: func(b *bench, s *specs.Spec) {
			s.Mounts = append(s.Mounts, specs.Mount{Destination: "/tmp", Type: "bind", Source: sourceDir(b),
				Options:     []string{"bind", "idmap"},
				UIDMappings: []specs.LinuxIDMapping{{ContainerID: 0, HostID: 3000, Size: 10}},
				GIDMappings: []specs.LinuxIDMapping{{ContainerID: 0, HostID: 4000, Size: 10}}})
		},
		lacks: newerThan11,
	},
	{
		name: "mounts: their order", script: "busybox ls /tmp; busybox ls /tmp/later", want: "later\nsource",
		set: func(b *bench, s *specs.Spec) {
			mount("/tmp", specs.Mount{Type: "tmpfs", Source: "tmpfs"})(b, s)
			mount("/tmp/later", specs.Mount{Type: "bind", Source: sourceDir(b), Options: []string{"bind"}})(b, s)
		},
	},
	{
		name: "linux.maskedPaths: a file", script: "cat /etc/secret; echo $?", want: "0", base: secretFiles,
		set: func(_ *bench, s *specs.Spec) { s.Linux.MaskedPaths = []string{"/etc/secret", "/no/such"} },
	},
	{
		name:   "linux.maskedPaths: a directory",
		script: "busybox ls /etc/secrets; busybox touch /etc/secrets/made 2>/dev/null || echo refused", want: "refused",
		base: secretFiles,
		set:  func(_ *bench, s *specs.Spec) { s.Linux.MaskedPaths = []string{"/etc/secrets"} },
	},
	{
		name: "linux.readonlyPaths", script: "cat /etc/secret; echo more 2>/dev/null >>/etc/secret || echo refused",
		want: "secret\nrefused", base: secretFiles,
		set: func(_ *bench, s *specs.Spec) { s.Linux.ReadonlyPaths = []string{"/etc/secret", "/no/such"} },
	},
}

// earlyPropagation excuses a runtime whose root is private in the end.
var earlyPropagation = map[string]string{
	"runc": "runc 1.1 sets the propagation of the host's root, which the container's begins with, and no more",
}

// noSlaves excuses a runtime that first makes every mount private: a slave needs a shared mount.
var noSlaves = map[string]string{"crun": "crun 1.8 makes the host's mounts private before it binds them"}

// rootPropagation returns the property of a rootfsPropagation; shown is the last optional field of
// the root's line in mountinfo, or the "-" that ends these fields.
func rootPropagation(kind, shown string, lacks map[string]string) property {
	return property{
		lacks: lacks,
		name:  "linux.rootfsPropagation: " + kind, script: options("/"),
		wants: func(_ *bench, line string) bool { return strings.HasSuffix(line, " "+shown) },
		base: func(b *bench, s *specs.Spec) {
			b.mountOnce(filepath.Join(b.bundle, "rootfs")) // a slave needs a shared mount
			s.Linux.RootfsPropagation = map[bool]string{true: "rslave", false: "rprivate"}[kind == "rprivate"]
		},
		set: func(_ *bench, s *specs.Spec) { s.Linux.RootfsPropagation = kind },
	}
}

func mount(at string, m specs.Mount) func(*bench, *specs.Spec) {
	m.Destination = at
	return func(_ *bench, s *specs.Spec) { s.Mounts = append(s.Mounts, m) }
}

// mounted returns the property of a mount whose options begin with shown.
func mounted(what, at, shown string, m specs.Mount) property {
	return property{
		name: "mounts: " + what, script: options(at), set: mount(at, m),
		wants: func(_ *bench, line string) bool { return strings.HasPrefix(line, shown) },
	}
}

// bound returns the property of a bind mount with the options list. The mount has the other options
// of its source's mount.
func bound(name, shown string, list ...string) property {
	return property{
		name: "mounts: " + name, script: options("/tmp"),
		set: func(b *bench, s *specs.Spec) {
			mount("/tmp", specs.Mount{Type: "bind", Source: sourceDir(b), Options: append(list, "rprivate")})(b, s)
		},
		wants: func(_ *bench, line string) bool { return withoutTimes(line) == shown+" -" },
	}
}

// withoutTimes removes relatime and noatime from a line of options, because a bind mount inherits
// them from its source.
func withoutTimes(line string) string {
	flags, rest, _ := strings.Cut(line, " ")
	return strings.TrimSuffix(strings.TrimSuffix(flags, ",relatime"), ",noatime") + " " + rest
}

// propagation returns the property of a bind mount's propagation. The source is a shared mount.
func propagation(kind, shown string, lacks map[string]string) property {
	other := "private"
	if kind == other {
		other = "shared"
	}
	at := func(kind string) func(*bench, *specs.Spec) {
		return func(b *bench, s *specs.Spec) {
			s.Linux.RootfsPropagation = "private" // only of the root
			source := sourceDir(b)
			b.mountOnce(source)
			s.Mounts = append(s.Mounts[:3:3], specs.Mount{Destination: "/tmp", Type: "bind", Source: source,
				Options: []string{"bind", kind}})
		}
	}
	return property{
		name: "mounts: " + kind, script: options("/tmp"), base: at(other), set: at(kind), lacks: lacks,
		wants: func(_ *bench, line string) bool { return strings.HasSuffix(line, " "+shown) },
	}
}

// recursively returns the property of the mount below a bind mount.
func recursively(name, shown string, lacks map[string]string, list ...string) property {
	return property{
		name: "mounts: what is below, " + name, script: options("/tmp/below"), lacks: lacks,
		wants: func(_ *bench, line string) bool { return strings.TrimSpace(withoutTimes(line)) == shown },
		base: func(b *bench, s *specs.Spec) {
			if shown == "" { // or nothing would be shown without the property either
				mount("/tmp", specs.Mount{Type: "bind", Source: nestedDir(b), Options: []string{"rbind"}})(b, s)
			}
		},
		set: func(b *bench, s *specs.Spec) {
			s.Mounts = append(s.Mounts[:3:3], specs.Mount{Destination: "/tmp", Type: "bind", Source: nestedDir(b),
				Options: list})
		},
	}
}

// sourceDir creates a directory with one file.
func sourceDir(b *bench) string {
	b.Helper()
	dir := filepath.Join(b.bundle, "source")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "source"), nil, 0o644); err != nil {
		b.Fatal(err)
	}
	return dir
}

// nestedDir creates a mount with shared propagation, with another one below it.
func nestedDir(b *bench) string {
	b.Helper()
	dir := filepath.Join(b.bundle, "nested")
	if err := os.MkdirAll(filepath.Join(dir, "below"), 0o755); err != nil {
		b.Fatal(err)
	}
	b.mountOnce(dir)
	b.mountOnce(filepath.Join(dir, "below"))
	return dir
}

// secretFiles adds a file and a directory to the root filesystem.
func secretFiles(b *bench, _ *specs.Spec) {
	b.Helper()
	etc := filepath.Join(b.bundle, "rootfs/etc")
	if err := os.MkdirAll(filepath.Join(etc, "secrets/inner"), 0o755); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(etc, "secret"), []byte("secret\n"), 0o600); err != nil {
		b.Fatal(err)
	}
}
