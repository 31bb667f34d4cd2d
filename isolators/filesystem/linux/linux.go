// Package linux is the filesystem/linux isolator: it declares everything that is mounted in a
// container besides the root filesystem. That is /proc, /dev, /sys and the control groups as docker
// mounts them, the user's tmpfs, the sandbox, and the masked and read-only files of the kernel.
//
// Launch: Check and Prepare; the engine makes the mounts. In the kernel: mounts in the container's
// mount namespace, which end with it. On disk: only the sandbox, which the containerizer makes.
// Recovery: none needed. Spec: runtime-spec config.md and config-linux.md. Mesos:
// isolators/filesystem/linux.
package linux

import (
	"context"
	"os"
	"path/filepath"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/saferoot"
	"github.com/mctr/mctr/isolators"
)

// New returns the isolator. root and state are mctr's own directories, which a container on the
// host's filesystem must not see.
func New(root, state string) isolators.Isolator { return &isolator{root: root, state: state} }

type isolator struct {
	isolators.Base
	root, state string
}

// Directories returns the directories for which the isolator, and with it the table, was made.
func (i *isolator) Directories() (root, state string) { return i.root, i.state }

func (*isolator) Name() string { return "filesystem/linux" }

// VolumeTypes returns the types of the volumes that the isolator mounts.
func (*isolator) VolumeTypes() []string { return []string{mctr.VolumeTmpfs} }

// Locate returns nil: a tmpfs exists only while its container runs.
func (*isolator) Locate(context.Context, mctr.Handle, *mctr.Handle, mctr.Volume) (*isolators.Location, error) {
	return nil, nil
}

// Check refuses options that tmpfs(5) lacks.
func (*isolator) Check(_ context.Context, config *mctr.ContainerConfig) error {
	for _, v := range config.Volumes {
		if err := checkTmpfs(v); err != nil {
			return err
		}
	}
	return nil
}

// Prepare lists the mounts.
func (i *isolator) Prepare(_ context.Context, c *mctr.Container) (*mctr.Adjustment, error) {
	base := mounts(access(c.Config))
	if c.Image == nil {
		base = append([]specs.Mount{cover}, base...)
	}
	a := &mctr.Adjustment{Spec: specs.Spec{
		Mounts: base,
		Linux: &specs.Linux{
			Namespaces:        []specs.LinuxNamespace{{Type: specs.MountNamespace}},
			RootfsPropagation: propagation(c.Config.Volumes),
		},
	}}
	if !c.Config.Security.Privileged {
		// The files by which a container learns how hot the host's processors are: docker masks this side
		// channel too.
		throttles, _ := filepath.Glob("/sys/devices/system/cpu/cpu[0-9]*/thermal_throttle") // a good pattern
		a.Spec.Linux.MaskedPaths, a.Spec.Linux.ReadonlyPaths = slices.Concat(masked, throttles), slices.Clone(readonly)
	}
	if err := i.sandbox(c, a); err != nil {
		return nil, err
	}
	for _, v := range c.Config.Volumes {
		if v.Type == mctr.VolumeTmpfs {
			a.Volumes = append(a.Volumes, tmpfs(v))
		}
	}
	return a, nil
}

// propagation returns that of the root filesystem: later mounts of the host appear in the container, and
// mounts of the container stay inside, except those in a volume that asks for propagation both ways.
func propagation(volumes []mctr.Volume) string {
	shared := func(o string) bool { return o == "shared" || o == "rshared" }
	if slices.ContainsFunc(volumes, func(v mctr.Volume) bool { return slices.ContainsFunc(v.Options, shared) }) {
		return "rshared"
	}
	return "rslave"
}

// sandbox mounts the sandbox and gives it to the container's user. On the host's filesystem it also
// hides the sandboxes of other containers.
func (i *isolator) sandbox(c *mctr.Container, a *mctr.Adjustment) error {
	user, err := saferoot.LookupUser(c.Rootfs, c.User(), nil)
	if err != nil {
		return err
	}
	if err := os.Chown(c.Sandbox, int(user.UID), int(user.GID)); err != nil {
		return err
	}
	target := mctr.SandboxPath
	if c.Image == nil {
		target = c.Sandbox
		for _, dir := range []string{i.root, i.state} {
			a.Spec.Mounts = append(a.Spec.Mounts, specs.Mount{
				Destination: dir, Type: "tmpfs", Source: "tmpfs",
				Options: []string{"nosuid", "nodev", "noexec", "mode=711", "size=64k"},
			})
		}
	}
	a.Spec.Mounts = append(a.Spec.Mounts, specs.Mount{
		Destination: target, Type: "bind", Source: c.Sandbox, Options: []string{"rbind", "rprivate", "nosuid", "nodev"},
	})
	a.Spec.Process = &specs.Process{Env: []string{"MESOS_SANDBOX=" + target}}
	return nil
}

// cover is mounted between the host's sysfs and the container's. In the host's network the two are
// one filesystem, which the kernel does not mount onto itself.
var cover = specs.Mount{Destination: "/sys", Type: "tmpfs", Source: "tmpfs",
	Options: []string{"nosuid", "nodev", "noexec", "mode=555", "size=4k"}}

// access returns "rw" or "ro" for the mounts that show the host. A privileged container may write,
// unless its config asks for a read-only container.
func access(config *mctr.ContainerConfig) string {
	if config.Security.Privileged && !config.ReadOnly {
		return "rw"
	}
	return "ro"
}

// mounts returns the mounts of every container, as docker makes them.
func mounts(access string) []specs.Mount {
	return []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs",
			Options: []string{"nosuid", "strictatime", "mode=755", "size=65536k"}},
		{Destination: "/dev/pts", Type: "devpts", Source: "devpts",
			Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
		{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev", access}},
		{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup",
			Options: []string{"nosuid", "noexec", "nodev", access}},
	}
}

// masked and readonly are docker's lists of paths.
var (
	masked = []string{
		"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
		"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
		"/sys/devices/virtual/powercap", "/sys/firmware",
	}
	readonly = []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}
)
