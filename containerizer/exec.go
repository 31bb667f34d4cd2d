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
	"github.com/mctr/mctr/containerizer/shims"
	"github.com/mctr/mctr/containerizer/spec"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/plaintext"
	"github.com/mctr/mctr/internal/saferoot"
)

// An Exec is an additional process in a running container. What it does not set is as for the
// container's own process: environment, directory, user, capabilities and limits.
type Exec struct {
	Args        []string
	Env         []string // NAME=VALUE, added
	WorkingDir  string
	User        string // user[:group], looked up in the container's filesystem
	Terminal    bool
	ConsoleSize *wire.Size
	Stdin       bool
	Detach      bool // the process outlives its client
	Whole       bool // when the process exits, what it started in the background is killed
}

// Exec runs e in a running container and returns its streams. The process is killed when the
// stream is closed, unless e.Detach. The error wraps mctr.ErrState if the container does not run.
func (c *Containerizer) Exec(ctx context.Context, id mctr.ContainerID, e Exec) (*launcher.Stream, error) {
	stream, err := execIn(ctx, c.shims, id, e)
	if err == nil {
		c.store.Container(id).Emit(mctr.EventExec, map[string]string{"command": strings.Join(e.Args, " ")})
	}
	return stream, err
}

// execIn is Exec without an event: probes would flood the events.
func execIn(ctx context.Context, s *shims.Shims, id mctr.ContainerID, e Exec) (*launcher.Stream, error) {
	if err := plaintext.Check(e); err != nil {
		return nil, err
	}
	phase, err := s.Store.Container(id).Phase()
	if err != nil {
		return nil, err
	}
	if phase != mctr.Running && phase != mctr.Damaged {
		return nil, fmt.Errorf("%w: container %s is not running: it is %s", mctr.ErrState, id.Short(), phase)
	}
	process, err := execProcess(s.Store.Container(id), e)
	if err != nil {
		return nil, err
	}
	client, err := s.Dial(ctx, id)
	if err != nil {
		return nil, s.EndedMeanwhile(id, err)
	}
	stream, err := client.Exec(ctx, wire.Exec{Process: *process, Stdin: e.Stdin, Detach: e.Detach, Whole: e.Whole})
	if err != nil {
		_ = client.Close()
		return nil, s.EndedMeanwhile(id, err)
	}
	return stream, nil
}

// execProcess returns the process of e, based on the process of the launch.
func execProcess(c *store.Container, e Exec) (*specs.Process, error) {
	resolved := c.Resolved()
	if resolved.Spec == nil || resolved.Spec.Process == nil {
		return nil, fmt.Errorf("%w: the spec of container %s", mctr.ErrNotFound, c.ID)
	}
	if len(e.Args) == 0 {
		return nil, fmt.Errorf("%w: exec without a command", mctr.ErrInvalid)
	}
	r, err := c.Record()
	if err != nil {
		return nil, err
	}
	o := spec.Overrides{Args: e.Args, Env: e.Env, WorkingDir: e.WorkingDir, Terminal: e.Terminal}
	if e.ConsoleSize != nil && e.Terminal {
		o.ConsoleSize = &specs.Box{Width: uint(e.ConsoleSize.Width), Height: uint(e.ConsoleSize.Height)}
	}
	if e.User != "" {
		if o.User, err = saferoot.LookupUser(rootfs.Of(c, r.Config), e.User,
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

// Attach joins the container's streams.
func (c *Containerizer) Attach(ctx context.Context, id mctr.ContainerID, a wire.Attach) (*launcher.Stream, error) {
	client, err := c.shims.Dial(ctx, id)
	if err != nil {
		return nil, err
	}
	stream, err := client.Attach(ctx, a)
	if err != nil {
		_ = client.Close()
	}
	return stream, err
}
