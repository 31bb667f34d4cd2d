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

// A process of the host's, in a control group that counts what it uses.
type process struct {
	cmd   *exec.Cmd
	group cgroups.Manager
}

// start starts a program; what it says goes to a file of its name.
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

// group is the control group of a process. The directory of temporary files is in its name:
// who chose one knows which groups are of benches there, and which of others.
func (s *Side) group(name string) string {
	return filepath.Base(s.dir) + "-" + filepath.Base(filepath.Dir(s.dir)) + "-" + name
}

// cpu is what it and its children have used, in nanoseconds.
func (p *process) cpu() (uint64, error) {
	stats, err := p.group.GetStats()
	if err != nil {
		return 0, err
	}
	return stats.CpuStats.CpuUsage.TotalUsage, nil
}

// close ends it, and kills what it left.
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

// A parent starts processes on one thread that stays: their death signal is of the
// thread that started them (prctl(2)), and threads that made a network namespace
// are thrown away.
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
