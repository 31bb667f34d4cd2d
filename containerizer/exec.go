package containerizer

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher"
	"github.com/mctr/mctr/containerizer/launcher/wire"
	"github.com/mctr/mctr/containerizer/rootfs"
	"github.com/mctr/mctr/containerizer/spec"
	"github.com/mctr/mctr/internal/plaintext"
	"github.com/mctr/mctr/internal/saferoot"
)

// An Exec is one more process for a running container. It gets the environment,
// directory, user, capabilities and limits of the container's own process where
// it does not say otherwise.
type Exec struct {
	Args        []string
	Env         []string // NAME=VALUE, added
	WorkingDir  string
	User        string // user[:group], looked up in the container's filesystem
	Terminal    bool
	ConsoleSize *wire.Size
	Stdin       bool
	Detach      bool // lives on without its client
	Whole       bool // what the process has started, in the background too, ends with it
}

// Exec runs e in id and returns its streams. The process dies with the stream,
// unless e.Detach. The error wraps mctr.ErrState when the container does not run.
func (c *Containerizer) Exec(ctx context.Context, id mctr.ContainerID, e Exec) (*launcher.Stream, error) {
	stream, err := c.exec(ctx, id, e)
	if err == nil {
		c.handle(id).Emit(mctr.EventExec, map[string]string{"command": strings.Join(e.Args, " ")})
	}
	return stream, err
}

// exec is Exec without its event: probes would fill the events.
func (c *Containerizer) exec(ctx context.Context, id mctr.ContainerID, e Exec) (*launcher.Stream, error) {
	if err := plaintext.Check(e); err != nil {
		return nil, err
	}
	phase, err := c.handle(id).Phase()
	if err != nil {
		return nil, err
	}
	if phase != mctr.Running && phase != mctr.Damaged {
		return nil, fmt.Errorf("%w: container %s is not running: it is %s", mctr.ErrState, id.Short(), phase)
	}
	process, err := c.execProcess(id, e)
	if err != nil {
		return nil, err
	}
	client, err := c.dial(ctx, id)
	if err != nil {
		return nil, c.endedMeanwhile(id, err)
	}
	stream, err := client.Exec(ctx, wire.Exec{Process: *process, Stdin: e.Stdin, Detach: e.Detach, Whole: e.Whole})
	if err != nil {
		_ = client.Close()
		return nil, c.endedMeanwhile(id, err)
	}
	return stream, nil
}

// execProcess is the process that e asks for, from that of the launch.
func (c *Containerizer) execProcess(id mctr.ContainerID, e Exec) (*specs.Process, error) {
	resolved := c.handle(id).Resolved()
	if resolved.Spec == nil || resolved.Spec.Process == nil {
		return nil, fmt.Errorf("%w: the spec of container %s", mctr.ErrNotFound, id)
	}
	if len(e.Args) == 0 {
		return nil, fmt.Errorf("%w: exec without a command", mctr.ErrInvalid)
	}
	r, err := c.handle(id).Record()
	if err != nil {
		return nil, err
	}
	o := spec.Overrides{Args: e.Args, Env: e.Env, WorkingDir: e.WorkingDir, Terminal: e.Terminal}
	if e.ConsoleSize != nil && e.Terminal {
		o.ConsoleSize = &specs.Box{Width: uint(e.ConsoleSize.Width), Height: uint(e.ConsoleSize.Height)}
	}
	if e.User != "" {
		if o.User, err = saferoot.LookupUser(rootfs.Of(c.handle(id), r.Config), e.User,
			r.Config.Process.GroupAdd); err != nil {
			return nil, err
		}
	}
	given := r.Config.Process.Env
	if resolved.Image != nil {
		given = slices.Concat(resolved.Image.Env, given)
	}
	return spec.Exec(resolved.Spec.Process, given, o), nil
}
