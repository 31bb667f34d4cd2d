package enginetest

import (
	"io"
	"os"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr/containerizer/launcher/engine"
)

// The device of the rules has a major number reserved for experiments
// (Documentation/admin-guide/devices.txt), which has no driver. Opening it fails with ENXIO if the
// rules allow it, and with EPERM if they do not.
const (
	major, minor = int64(240), int64(7)
	denied       = "Operation not permitted"
	noDriver     = "No such device or address"
)

// deviceProperties are the device nodes of a container.
var deviceProperties = []property{
	node("a character device", "c", "character special file f0:7 640 5:6", major, minor),
	node("an unbuffered character device", "u", "character special file f0:7 640 5:6", major, minor),
	node("a block device", "b", "block special file f0:7 640 5:6", major, minor),
	node("a named pipe", "p", "fifo 0:0 640 5:6", 0, 0),
}

// deviceRuleProperties are the rules of the cgroup that allow or deny access to devices.
var deviceRuleProperties = []property{
	rule("reading", "r", noDriver, denied),
	rule("writing", "w", denied, noDriver),
	rule("both", "rw", noDriver, noDriver),
	{
		name: "linux.resources.devices: a rule that denies", script: accessScript, want: denied + "\n" + denied,
		base: func(_ *bench, s *specs.Spec) {
			experimentalNode(s)
			s.Linux.Resources.Devices = []specs.LinuxDeviceCgroup{{Allow: true, Access: "rwm"}}
		},
		set: func(_ *bench, s *specs.Spec) {
			s.Linux.Resources.Devices = append(s.Linux.Resources.Devices,
				specs.LinuxDeviceCgroup{Type: "c", Major: new(major), Minor: new(minor), Access: "rw"})
		},
	},
}

// node returns the property of a device node; shown describes the node as stat(1) prints it.
func node(name, kind, shown string, major, minor int64) property {
	return property{
		name: "linux.devices: " + name, script: "busybox stat -c '%F %t:%T %a %u:%g' /dev/sub/it", want: shown,
		set: func(_ *bench, s *specs.Spec) {
			s.Linux.Devices = []specs.LinuxDevice{{Path: "/dev/sub/it", Type: kind, Major: major, Minor: minor,
				FileMode: new(os.FileMode(0o640)), UID: new(uint32(5)), GID: new(uint32(6))}}
		},
	}
}

// accessScript reads from the device and writes to it, and prints the error of each. It does not
// create a node, the third kind of access, because runc and crun allow that to every container.
const accessScript = "why() { while read -r line; do echo ${line##*: }; done; }; " +
	"busybox dd if=/dev/it count=1 2>&1 | why; busybox dd if=/dev/null of=/dev/it conv=notrunc 2>&1 | why"

func experimentalNode(s *specs.Spec) {
	s.Linux.Devices = []specs.LinuxDevice{{Path: "/dev/it", Type: "c", Major: major, Minor: minor}}
}

// rule returns the property of a rule that allows one kind of access; read and write are the
// results of reading and writing.
func rule(name, access, read, write string) property {
	return property{
		name: "linux.resources.devices: a rule that allows " + name, script: accessScript,
		want: read + "\n" + write,
		base: func(_ *bench, s *specs.Spec) {
			experimentalNode(s)
			s.Linux.Resources.Devices = []specs.LinuxDeviceCgroup{{Access: "rwm"}}
		},
		set: func(_ *bench, s *specs.Spec) {
			s.Linux.Resources.Devices = append(s.Linux.Resources.Devices,
				specs.LinuxDeviceCgroup{Allow: true, Type: "c", Major: new(major), Minor: new(minor), Access: access})
		},
	}
}

// defaultDevices wants the device nodes that every container has (config-linux.md, "Default
// Devices").
func defaultDevices(b *bench) {
	c := b.start(sh("for d in null zero full random urandom tty; do busybox stat -c '%F %t:%T' /dev/$d; done; " +
		"busybox readlink /dev/ptmx"))
	shown, err := io.ReadAll(b.out)
	want := ""
	for _, number := range []string{"1:3", "1:5", "1:7", "1:8", "1:9", "5:0"} {
		want += "character special file " + number + "\n"
	}
	if want += "pts/ptmx\n"; err != nil || strings.ReplaceAll(string(shown), "/dev/pts", "pts") != want {
		b.Errorf("the default devices are %q, %v; want %q", shown, err, want)
	}
	b.ends(c.Init(), engine.WaitStatus{})
	b.delete(c)
}
