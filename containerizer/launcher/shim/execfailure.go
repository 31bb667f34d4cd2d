package shim

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/engine"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/proc"
)

// tryExec runs a process in the container. If the process dies on the way in, the engine reports no
// more than that. tryExec finds out the cause and returns an error that wraps a sentinel.
func (s *Shim) tryExec(c engine.Container, p *specs.Process, pipes *pipes) (*engine.Process, error) {
	before := refusals(c)
	process, err := c.Exec(p, pipes.child)
	if err == nil {
		err = awaitCommand(process, pipes)
	}
	switch {
	case err == nil:
		return process, nil
	case wire.NewError(err).Kind != "": // the engine has found the cause
		return nil, err
	case s.ending(c):
		return nil, fmt.Errorf("%w: container has exited: %w", mctr.ErrState, err)
	case refusals(c) > before:
		return nil, fmt.Errorf("%w: the container has reached its limit of processes: %w", mctr.ErrCommandInvoke, err)
	}
	return nil, err
}

// awaitCommand waits until the process executes the command. It returns an error if the engine's
// program crashed before, which would otherwise look like the exit of the command.
func awaitCommand(p *engine.Process, pipes *pipes) error {
	if awaitExec(p) {
		return nil
	}
	status, err := p.Wait()
	refusal := engine.ExecveError(lastOutput(cmp.Or(p.Console, pipes.stderr)))
	if p.Console != nil {
		err = errors.Join(err, p.Console.Close())
	}
	if refusal != nil {
		return errors.Join(refusal, err)
	}
	return errors.Join(err,
		fmt.Errorf("the engine's program exited with %d before it executed the command", status.Code))
}

// ending reports whether the container is being killed or has exited.
func (s *Shim) ending(c engine.Container) bool {
	s.mu.Lock()
	killed := s.why != nil
	s.mu.Unlock()
	return killed || s.sessions.ended() || proc.Ending(c.Init().Pid)
}

// refusals returns how many processes were refused by the pids limit of the container and of the
// cgroup above it.
func refusals(c engine.Container) int64 {
	controller := "pids"
	if cgroup.Unified() {
		controller = ""
	}
	dir := c.Cgroups()[controller]
	if dir == "" {
		return 0
	}
	return readKeyed(filepath.Join(dir, "pids.events"), "max") +
		readKeyed(filepath.Join(filepath.Dir(dir), "pids.events"), "max")
}
