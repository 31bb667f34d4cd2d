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

// tryExec runs a process in the container. Engines know of one that does not get in
// only that it died on its way, in many words; why is known here.
func (s *Shim) tryExec(c engine.Container, p *specs.Process, pipes *pipes) (*engine.Process, error) {
	before := refusals(c)
	process, err := c.Exec(p, pipes.child)
	if err == nil {
		err = awaitCommand(process, pipes)
	}
	switch {
	case err == nil:
		return process, nil
	case wire.NewError(err).Kind != "": // the engine does know
		return nil, err
	case s.ending(c):
		return nil, fmt.Errorf("%w: container has ended: %w", mctr.ErrState, err)
	case refusals(c) > before:
		return nil, fmt.Errorf("%w: the container may have no more processes: %w", mctr.ErrCommandInvoke, err)
	}
	return nil, err
}

// awaitCommand wants the process to have become the command. The engine's program may
// crash just before, which looks like the command's own end.
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
	return errors.Join(fmt.Errorf("the engine's program ended with %d before it was the command", status.Code), err)
}

// ending reports whether the container is being killed, or has ended.
func (s *Shim) ending(c engine.Container) bool {
	s.mu.Lock()
	killed := s.why != nil
	s.mu.Unlock()
	return killed || s.sessions.over() || proc.Ending(c.Init().Pid)
}

// refusals count the processes that the container's limit on them, or the limit of
// the group above it, did not allow.
func refusals(c engine.Container) int64 {
	controller := "pids"
	if cgroup.Unified() {
		controller = ""
	}
	dir := c.Cgroups()[controller]
	if dir == "" {
		return 0
	}
	return keyed(filepath.Join(dir, "pids.events"), "max") + keyed(filepath.Join(filepath.Dir(dir), "pids.events"),
		"max")
}
