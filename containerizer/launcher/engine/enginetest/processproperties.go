package enginetest

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// processProperties are those of process in config.json, except capabilities and the terminal.
var processProperties = []property{
	{
		name: "process.cwd", exec: true, script: "pwd", want: "/tmp",
		set: func(_ *bench, s *specs.Spec) { s.Process.Cwd = "/tmp" },
	},
	{
		name: "process.env", exec: true, script: `echo "$A|$B|$C"`, want: "1|two words|",
		set: func(_ *bench, s *specs.Spec) {
			s.Process.Env = append(s.Process.Env, "A=1", "B=two words", "C=")
		},
	},
	{
		name: "process.args", exec: true, script: "echo no arguments", want: `[a b][][*]`,
		set: func(_ *bench, s *specs.Spec) {
			s.Process.Args = []string{"busybox", "sh", "-c", `for a in "$@"; do printf '[%s]' "$a"; done`, "sh", "a b",
				"", "*"}
		},
	},
	{
		name: "process.user.uid and gid", exec: true, script: status("Uid", "Gid"),
		want: "Uid: 1000 1000 1000 1000\nGid: 1001 1001 1001 1001",
		set:  func(_ *bench, s *specs.Spec) { s.Process.User.UID, s.Process.User.GID = 1000, 1001 },
	},
	{
		name: "process.user.additionalGids", exec: true, script: status("Groups"), want: "Groups: 7 1234",
		set: func(_ *bench, s *specs.Spec) { s.Process.User.AdditionalGids = []uint32{7, 1234} },
	},
	{
		name: "process.user.umask", exec: true, script: "umask", want: "0051",
		set:       func(_ *bench, s *specs.Spec) { s.Process.User.Umask = new(uint32(0o051)) },
		execLacks: fromConfig,
	},
	{
		name: "process.noNewPrivileges", exec: true, script: status("NoNewPrivs"), want: "NoNewPrivs: 1",
		set: func(_ *bench, s *specs.Spec) { s.Process.NoNewPrivileges = true },
	},
	{
		name: "process.oomScoreAdj", exec: true, script: "cat /proc/$$/oom_score_adj", want: "321",
		set: func(_ *bench, s *specs.Spec) { s.Process.OOMScoreAdj = new(321) },
		execLacks: map[string]string{"libcontainer": fromConfig["libcontainer"], "runc": fromConfig["runc"],
			"crun": "crun 1.8 sets it for init alone"},
	},
	{
		name: "process.rlimits", exec: true, script: "while read -r line; do echo $line; done </proc/$$/limits",
		set: func(_ *bench, s *specs.Spec) {
			for _, l := range rlimits {
				soft, hard := l.allowed()
				s.Process.Rlimits = append(s.Process.Rlimits,
					specs.POSIXRlimit{Type: "RLIMIT_" + l.name, Soft: soft, Hard: hard})
			}
		},
		wants: showsRlimits,
	},
	{
		name: "process.scheduler", exec: true, want: "5 3",
		script: "read -r line </proc/$$/stat; set -- ${line#*) }; echo ${17} ${39}", // nice value and policy
		set: func(_ *bench, s *specs.Spec) {
			s.Process.Scheduler = &specs.Scheduler{Policy: specs.SchedBatch, Nice: 5}
		},
		lacks: newerThan11, execLacks: newerThan11,
	},
	{
		name: "process.execCPUAffinity", execOnly: true, want: "Cpus_allowed_list: 1",
		script:    status("Cpus_allowed_list"),
		set:       func(_ *bench, s *specs.Spec) { s.Process.ExecCPUAffinity = &specs.CPUAffinity{Final: "1"} },
		execLacks: newerThan11,
	},
	{
		name: "process.ioPriority", exec: true, script: "busybox ionice -p $$", want: "best-effort: prio 6",
		set: func(_ *bench, s *specs.Spec) {
			s.Process.IOPriority = &specs.LinuxIOPriority{Class: specs.IOPRIO_CLASS_BE, Priority: 6}
		},
		lacks: newerThan11, execLacks: newerThan11,
	},
}

// fromConfig excuses engines that take a property of a further process from config.json.
var fromConfig = map[string]string{
	"libcontainer": "libcontainer's Process has no such field, and a further process has what init has",
	"runc":         "it is built on libcontainer",
}

// rlimits are all limits of getrlimit(2), with values that leave a shell running, and the names by
// which the kernel shows them. The limits on open files are equal, because the Go runtime, which
// runc contains, raises the soft limit to the hard one.
var rlimits = []rlimit{
	{"CPU", "Max cpu time", 1001, 1002}, {"FSIZE", "Max file size", 1 << 30, 1<<30 + 1},
	{"DATA", "Max data size", 1 << 31, 1<<31 + 1}, {"STACK", "Max stack size", 1 << 22, 1 << 24},
	{"CORE", "Max core file size", 3, 4}, {"RSS", "Max resident set", 1 << 32, 1<<32 + 1},
	{"NPROC", "Max processes", 5001, 5002}, {"NOFILE", "Max open files", 502, 502},
	{"MEMLOCK", "Max locked memory", 65537, 65538}, {"AS", "Max address space", 1 << 33, 1<<33 + 1},
	{"LOCKS", "Max file locks", 91, 92}, {"SIGPENDING", "Max pending signals", 93, 94},
	{"MSGQUEUE", "Max msgqueue size", 95, 96}, {"NICE", "Max nice priority", 7, 8},
	{"RTPRIO", "Max realtime priority", 5, 6}, {"RTTIME", "Max realtime timeout", 1 << 20, 1 << 21},
}

type rlimit struct {
	name, kernel string
	soft, hard   uint64
}

// allowed returns the limits, lowered to what this process may set if it cannot raise its own.
func (l *rlimit) allowed() (soft, hard uint64) {
	var own unix.Rlimit
	numbers := map[string]int{"NICE": unix.RLIMIT_NICE, "RTPRIO": unix.RLIMIT_RTPRIO}
	if number, ok := numbers[l.name]; ok && unix.Getrlimit(number, &own) == nil {
		return min(l.soft, own.Max), min(l.hard, own.Max)
	}
	return l.soft, l.hard
}

func showsRlimits(b *bench, shown string) bool {
	b.Helper()
	found := true
	for _, l := range rlimits {
		soft, hard := l.allowed()
		line := strings.Join([]string{l.kernel, decimal(soft), decimal(hard)}, " ")
		if !strings.Contains(shown, line) {
			b.Errorf("no line %q", line)
			found = false
		}
	}
	return found
}

// capabilityProperties are the capability sets of a process after execve(2), at which an
// unprivileged user keeps only the ambient ones (capabilities(7)).
var capabilityProperties = []property{
	{
		name: "process.capabilities.bounding", exec: true, script: status("CapBnd"),
		want: "CapBnd: " + bits(chown, kill), base: capable(),
		set: func(_ *bench, s *specs.Spec) { s.Process.Capabilities.Bounding = names(chown, kill) },
	},
	{
		name: "process.capabilities.inheritable", exec: true, script: status("CapInh"),
		want: "CapInh: " + bits(kill), base: capable(chown, kill),
		set: func(_ *bench, s *specs.Spec) { s.Process.Capabilities.Inheritable = names(kill) },
	},
	{
		name: "process.capabilities.permitted and effective", exec: true, script: status("CapPrm", "CapEff"),
		want: "CapPrm: " + bits(chown, kill) + "\nCapEff: " + bits(chown, kill), base: capable(),
		set: func(_ *bench, s *specs.Spec) {
			c := s.Process.Capabilities
			c.Bounding, c.Permitted, c.Effective = names(chown, kill), names(chown, kill), names(chown, kill)
		},
	},
	{
		name: "process.capabilities.ambient", exec: true, script: status("CapPrm", "CapEff", "CapAmb"),
		want: "CapPrm: " + bits(kill) + "\nCapEff: " + bits(kill) + "\nCapAmb: " + bits(kill),
		base: func(b *bench, s *specs.Spec) {
			s.Process.User.UID = 1000
			capable(chown, kill)(b, s)
			s.Process.Capabilities.Inheritable = names(kill)
		},
		set: func(_ *bench, s *specs.Spec) { s.Process.Capabilities.Ambient = names(kill) },
	},
}

const (
	chown = "CAP_CHOWN"
	kill  = "CAP_KILL"
)

func names(caps ...string) []string { return caps }

// capable gives the process caps in the sets that do not survive execve(2) by themselves.
func capable(caps ...string) func(*bench, *specs.Spec) {
	return func(_ *bench, s *specs.Spec) {
		s.Process.Capabilities = &specs.LinuxCapabilities{Bounding: caps, Permitted: caps, Effective: caps}
	}
}

// bits formats a set as /proc/[pid]/status does.
func bits(caps ...string) string {
	var set uint64
	for _, name := range caps {
		set |= 1 << map[string]uint{chown: unix.CAP_CHOWN, kill: unix.CAP_KILL}[name]
	}
	return fmt.Sprintf("%016x", set)
}

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }
