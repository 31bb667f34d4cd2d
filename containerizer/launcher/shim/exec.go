package shim

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/engine"
	"github.com/mctr/mctr/containerizer/launcher/wire"
)

// sessions are the running execs and their processes.
type sessions struct {
	making sync.Mutex     // held while a process is started, so that reap does not take it before its pid is known
	group  sync.WaitGroup // counts sessions, including those being started

	mu     sync.Mutex // guards the fields below; held only briefly, unlike making
	closed bool
	pids   map[int]struct{}
}

// begin calls start and registers the process that it returns, until the caller calls done.
func (s *sessions) begin(start func() (*engine.Process, error)) (*engine.Process, func(), error) {
	s.making.Lock()
	defer s.making.Unlock()
	if err := s.admit(); err != nil {
		return nil, nil, err
	}
	process, err := start()
	if err != nil {
		s.group.Done()
		return nil, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pids == nil {
		s.pids = map[int]struct{}{}
	}
	s.pids[process.Pid] = struct{}{}
	return process, func() {
		s.mu.Lock()
		delete(s.pids, process.Pid)
		s.mu.Unlock()
		s.group.Done()
	}, nil
}

// admit counts a new session, or returns an error after end.
func (s *sessions) admit() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("%w: container has exited", mctr.ErrState)
	}
	s.group.Add(1)
	return nil
}

func (s *sessions) has(pid int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.pids[pid]
	return ok
}

// reap reaps zombie children except the processes of sessions and those that known reports. No
// process is being started meanwhile.
func (s *sessions) reap(known func(pid int) bool) (all bool) {
	s.making.Lock()
	defer s.making.Unlock()
	return reap(func(pid int) bool { return s.has(pid) || known(pid) })
}

// end refuses new sessions and kills until the last session has ended. It repeats the kill because
// a session may still be starting its process during the first one.
func (s *sessions) end(killRest func()) {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	gone := make(chan struct{})
	go func() { s.group.Wait(); close(gone) }()
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		killRest()
		s.kill()
		select {
		case <-gone:
			return
		case <-time.After(pause):
		}
	}
}

// ended reports whether end was called.
func (s *sessions) ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// kill also reaches processes that have left the container's cgroup.
func (s *sessions) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for pid := range s.pids {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
}

// exec runs a process in the container and turns the connection into its streams.
func (p *peer) exec(e wire.Exec) (stream func()) {
	x, err := p.shim.startExec(e)
	if err != nil {
		_ = wire.Write(p.conn, wire.Failed(fmt.Errorf("exec: %w", err)))
		return nil
	}
	if e.Detach {
		_ = wire.Write(p.conn, wire.Response{Pid: x.process.Pid})
		go x.run(nil)
		return nil
	}
	// Before the process can exit, because the shim waits only for the clients that have joined.
	leave := p.shim.attached.join(p.conn)
	answered := wire.Write(p.conn, wire.Response{Pid: x.process.Pid})
	return func() {
		defer leave()
		p.session(x, e, answered)
	}
}

// session serves an exec's streams. The process is killed when its client disconnects.
func (p *peer) session(x *execution, e wire.Exec, answered error) {
	if answered != nil {
		x.kill(unix.SIGKILL)
	}
	in := x.pipes.input(e.Stdin)
	in.signal = x.kill
	in.disconnected = func() { x.kill(unix.SIGKILL) }
	go p.input(in)
	p.sendExit(x.run(p.conn))
}

// An execution is an exec process with the shim's ends of its streams.
type execution struct {
	process *engine.Process
	done    func()
	pipes   *pipes
	started time.Time
	tree    *processTree // nil: the processes that it started outlive the client
	mu      sync.Mutex   // guards ended
	ended   bool
}

func (s *Shim) startExec(e wire.Exec) (*execution, error) {
	c, err := s.running()
	if err != nil {
		return nil, err
	}
	pipes, err := openPipes(e.Process.Terminal, e.Stdin)
	if err != nil {
		return nil, err
	}
	e.Process.Env = s.withSecrets(e.Process.Env)
	process, done, err := s.sessions.begin(func() (*engine.Process, error) {
		return s.execUnpaused(c, &e.Process, pipes)
	})
	pipes.closeChild()
	if err != nil {
		return nil, errors.Join(err, pipes.close())
	}
	pipes.master = process.Console
	x := &execution{process: process, done: done, pipes: pipes, started: time.Now()}
	if e.Whole {
		x.tree = processTreeOf(c, process.Pid)
	}
	return x, nil
}

// withSecrets adds the container's secret variables, except those that the exec has itself. Clients do
// not know them, because no record has them.
func (s *Shim) withSecrets(env []string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	own := slices.Clone(env)
	for _, secret := range s.create.SecretEnv {
		name, _, _ := strings.Cut(secret, "=")
		if !slices.ContainsFunc(env, func(has string) bool { return strings.HasPrefix(has, name+"=") }) {
			own = append(own, secret)
		}
	}
	return own
}

// execUnpaused starts the process while no client can pause the container. If the container froze
// while the process enters it, this shim could not serve the client that resumes it.
func (s *Shim) execUnpaused(c engine.Container, p *specs.Process, pipes *pipes) (*engine.Process, error) {
	s.starting.RLock()
	defer s.starting.RUnlock()
	s.mu.Lock()
	paused := s.phase == mctr.Paused
	s.mu.Unlock()
	if paused {
		return nil, fmt.Errorf("%w: container is paused", mctr.ErrState)
	}
	return s.tryExec(c, p, pipes)
}

// run copies output to w, which may be nil, until the process has exited, and returns how it
// exited.
func (x *execution) run(w io.Writer) *mctr.Termination {
	output := &relay{pipes: x.pipes}
	output.begin(w)
	status, err := x.process.Wait()
	finished := time.Now()
	x.mu.Lock()
	x.ended = true
	x.mu.Unlock()
	// Safe although the leader is reaped: the kernel reuses no session's id while a process has it.
	x.tree.kill()
	x.done()
	output.end()
	_ = x.pipes.close()
	t := &mctr.Termination{ExitCode: status.Code, Signal: status.Signal, Reason: mctr.ReasonExited, Started: x.started,
		Finished: finished}
	if err != nil {
		t.ExitCode, t.Message = 125, err.Error()
	}
	return t
}

func (x *execution) kill(sig unix.Signal) {
	if sig == unix.SIGKILL {
		x.tree.kill() // before the leader, by which some descendants are found
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.ended { // it has not been reaped, so the pid is still valid
		_ = unix.Kill(x.process.Pid, sig)
	}
}
