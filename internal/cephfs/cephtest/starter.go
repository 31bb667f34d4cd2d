package cephtest

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// A starter starts processes that the kernel kills when this process ends. The kernel looks at the
// thread that started them, so they are all started by one thread, which lives as long as the starter.
type starter struct{ jobs chan func() }

func newStarter() *starter {
	s := &starter{jobs: make(chan func())}
	go func() {
		runtime.LockOSThread()
		for job := range s.jobs {
			job()
		}
	}()
	return s
}

func (s *starter) end() { close(s.jobs) }

type process struct {
	*os.Process
	stdin  io.WriteCloser
	stdout io.Reader
	ended  chan struct{}
}

// start starts a program in a session of its own, with its output in log.
func (s *starter) start(log string, argv ...string) (*process, error) {
	return s.startPiped(log, false, argv...)
}

func (s *starter) startPiped(log string, piped bool, argv ...string) (p *process, err error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = out, out
	p = &process{ended: make(chan struct{})}
	if piped {
		cmd.Stdout = nil
		if p.stdin, err = cmd.StdinPipe(); err == nil {
			p.stdout, err = cmd.StdoutPipe()
		}
	}
	if err != nil {
		return nil, err
	}
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	s.jobs <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w (make install-test)", argv[0], err)
	}
	p.Process = cmd.Process
	go func() { _, _ = cmd.Process.Wait(); close(p.ended) }()
	return p, nil
}

func (p *process) kill() {
	_ = p.Kill() // fails only if it has ended
	<-p.ended
}

// run runs a program of Ceph to its end.
func (c *Cluster) run(argv ...string) error {
	argv = c.configured(argv)
	cmd := exec.Command(argv[0], argv[1:]...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%q: %w: %s (make install-test)", argv, err, bytes.TrimSpace(out))
	}
	return nil
}

// configured adds the cluster's configuration to a command line of Ceph.
func (c *Cluster) configured(argv []string) []string {
	return append(append([]string{}, argv...), "--conf", c.path("ceph.conf"))
}
