package network

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/manager"
	"golang.org/x/sys/unix"
)

// A process runs on the host, in a control group that measures its usage.
type process struct {
	cmd   *exec.Cmd
	group cgroups.Manager
}

// start starts a program and writes its output to a file of its name.
func (s *Side) start(name string, argv ...string) (*process, error) {
	group, err := manager.New(&cgroups.Cgroup{
		Path: "/" + s.group(name), Resources: &cgroups.Resources{SkipDevices: true},
	})
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(s.dir, name+".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p := &process{cmd: exec.Command(argv[0], argv[1:]...), group: group}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGTERM}
	if err := s.parent.do(p.cmd.Start); err != nil {
		return nil, fmt.Errorf("start %s: %w", argv[0], err)
	}
	if err := group.Apply(p.cmd.Process.Pid); err != nil {
		return nil, errors.Join(fmt.Errorf("control group of %s: %w", name, err), p.close())
	}
	return p, nil
}

// group returns the control group of a process. The name has the directory of temporary files,
// so that a test with a directory of its own can distinguish the groups of its benches from others.
func (s *Side) group(name string) string {
	return filepath.Base(s.dir) + "-" + filepath.Base(filepath.Dir(s.dir)) + "-" + name
}

// cpu returns the processor time of the process and its children, in nanoseconds.
func (p *process) cpu() (uint64, error) {
	stats, err := p.group.GetStats()
	if err != nil {
		return 0, err
	}
	return stats.CpuStats.CpuUsage.TotalUsage, nil
}

// close ends the process, and kills the processes that it leaves.
func (p *process) close() error {
	_ = p.cmd.Process.Signal(unix.SIGTERM)
	_ = p.cmd.Wait()
	if pids, err := p.group.GetAllPids(); err == nil {
		for _, pid := range pids {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}
	return p.group.Destroy()
}

// A parent starts processes on one thread that never ends. A process gets its death signal when the
// thread that started it ends (prctl(2)), and Go discards threads that have entered a network
// namespace.
type parent chan func()

func newParent() parent {
	p := make(parent)
	go func() {
		runtime.LockOSThread()
		for start := range p {
			start()
		}
	}()
	return p
}

func (p parent) do(start func() error) error {
	done := make(chan error)
	p <- func() { done <- start() }
	return <-done
}
