package libcontainer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"

	lc "github.com/opencontainers/runc/libcontainer"
	"github.com/opencontainers/runc/libcontainer/configs"
	"github.com/opencontainers/runc/libcontainer/utils"
	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/engine"
	"github.com/mctr/mctr/containerizer/launcher/engine/libcontainer/bpfcache"
	"github.com/mctr/mctr/containerizer/launcher/engine/pty"
)

// run starts p in the container, as its init or as a further process, with the streams io.
func (c *container) run(p *lc.Process, terminal bool, io engine.Stdio) (*engine.Process, error) {
	p.PidfdSocket = io.PidfdSocket
	p.ExtraFiles = slices.Clone(io.Extra)
	switch {
	case !terminal:
		// A nil file in a non-nil interface would make libcontainer copy a stream.
		if io.Stdin != nil {
			p.Stdin = io.Stdin
		}
		if io.Stdout != nil {
			p.Stdout = io.Stdout
		}
		if io.Stderr != nil {
			p.Stderr = io.Stderr
		}
	case io.ConsoleSocket != nil:
		p.ConsoleSocket = io.ConsoleSocket
	default:
		return c.beginWithTerminal(p)
	}
	return c.begin(p)
}

// begin starts p. The last descriptor that p inherits is the compiled seccomp profile.
func (c *container) begin(p *lc.Process) (*engine.Process, error) {
	filter, err := bpfcache.Open(c.cache, c.seccomp)
	if err != nil {
		return nil, err
	}
	if filter != nil {
		defer filter.Close()
		p.ExtraFiles = append(p.ExtraFiles, filter)
	}
	if err := c.c.Start(p); err != nil {
		return nil, c.classify(err)
	}
	pid, err := p.Pid()
	if err != nil {
		return nil, err
	}
	return newProcess(pid, func() (engine.WaitStatus, error) { return wait(p) }), nil
}

// newProcess returns a process of libcontainer, which forks its own program and executes the
// command.
func newProcess(pid int, wait func() (engine.WaitStatus, error)) *engine.Process {
	return &engine.Process{Pid: pid, Wait: wait, Executed: func() bool { return engine.HasExecuted(pid) }}
}

// beginWithTerminal starts p and receives the master of the pty, which p creates inside the
// container.
func (c *container) beginWithTerminal(p *lc.Process) (*engine.Process, error) {
	ours, theirs, err := utils.NewSockPair("console")
	if err != nil {
		return nil, err
	}
	defer ours.Close()
	defer theirs.Close()
	p.ConsoleSocket = theirs
	started, err := c.begin(p)
	if err != nil {
		return nil, err
	}
	if started.Console, err = pty.Receive(int(ours.Fd())); err != nil {
		_ = p.Signal(unix.SIGKILL)
		_, _ = p.Wait()
		return nil, err
	}
	return started, nil
}

func wait(p *lc.Process) (engine.WaitStatus, error) {
	state, err := p.Wait()
	if state == nil {
		return engine.WaitStatus{}, fmt.Errorf("wait for process: %w", err)
	}
	return engine.StatusOf(unix.WaitStatus(state.Sys().(syscall.WaitStatus))), nil
}

// classify makes an error of libcontainer, which init sends as text, wrap a sentinel. It drops
// libcontainer's prefix of an error about a command, except in an engine for runc's callers.
func (c *container) classify(err error) error {
	_, command, found := strings.Cut(err.Error(), "exec: ")
	if !found {
		return err
	}
	if c.asRunc {
		command = err.Error()
	}
	switch {
	case strings.Contains(command, "executable file not found"), strings.Contains(command, "no such file or directory"):
		return fmt.Errorf("%w: %s", mctr.ErrCommandNotFound, command)
	case strings.Contains(command, "permission denied"), strings.Contains(command, "is a directory"):
		return fmt.Errorf("%w: %s", mctr.ErrCommandInvoke, command)
	}
	return err
}

// convert converts p to libcontainer's form, without its streams. The error wraps mctr.ErrInvalid.
func convert(p *specs.Process) (*lc.Process, error) {
	process := &lc.Process{
		Args:            p.Args,
		Env:             p.Env,
		UID:             int(p.User.UID),
		GID:             int(p.User.GID),
		Cwd:             p.Cwd,
		Label:           p.SelinuxLabel,
		AppArmorProfile: p.ApparmorProfile,
		NoNewPrivileges: &p.NoNewPrivileges,
		Scheduler:       p.Scheduler,
		IOPriority:      p.IOPriority,
		LogLevel:        strconv.Itoa(int(logrus.GetLevel())),
	}
	for _, gid := range p.User.AdditionalGids {
		process.AdditionalGroups = append(process.AdditionalGroups, int(gid))
	}
	if size := p.ConsoleSize; size != nil {
		process.ConsoleWidth, process.ConsoleHeight = uint16(size.Width), uint16(size.Height)
	}
	if caps := p.Capabilities; caps != nil {
		process.Capabilities = &configs.Capabilities{
			Bounding: caps.Bounding, Effective: caps.Effective, Inheritable: caps.Inheritable,
			Permitted: caps.Permitted, Ambient: caps.Ambient,
		}
	}
	affinity, err := configs.ConvertCPUAffinity(p.ExecCPUAffinity)
	if err != nil {
		return nil, fmt.Errorf("%w: execCPUAffinity: %w", mctr.ErrInvalid, err)
	}
	process.CPUAffinity = affinity
	return process, convertRlimits(process, p.Rlimits)
}

func convertRlimits(process *lc.Process, limits []specs.POSIXRlimit) error {
	for _, l := range limits {
		number, ok := rlimits[l.Type]
		if !ok {
			return fmt.Errorf("%w: unknown rlimit %q", mctr.ErrInvalid, l.Type)
		}
		process.Rlimits = append(process.Rlimits, configs.Rlimit{Type: number, Hard: l.Hard, Soft: l.Soft})
	}
	return nil
}

// rlimits maps names to the resources of getrlimit(2).
var rlimits = map[string]int{
	"RLIMIT_CPU": unix.RLIMIT_CPU, "RLIMIT_FSIZE": unix.RLIMIT_FSIZE, "RLIMIT_DATA": unix.RLIMIT_DATA,
	"RLIMIT_STACK": unix.RLIMIT_STACK, "RLIMIT_CORE": unix.RLIMIT_CORE, "RLIMIT_RSS": unix.RLIMIT_RSS,
	"RLIMIT_NPROC": unix.RLIMIT_NPROC, "RLIMIT_NOFILE": unix.RLIMIT_NOFILE, "RLIMIT_MEMLOCK": unix.RLIMIT_MEMLOCK,
	"RLIMIT_AS": unix.RLIMIT_AS, "RLIMIT_LOCKS": unix.RLIMIT_LOCKS, "RLIMIT_SIGPENDING": unix.RLIMIT_SIGPENDING,
	"RLIMIT_MSGQUEUE": unix.RLIMIT_MSGQUEUE, "RLIMIT_NICE": unix.RLIMIT_NICE, "RLIMIT_RTPRIO": unix.RLIMIT_RTPRIO,
	"RLIMIT_RTTIME": unix.RLIMIT_RTTIME,
}
