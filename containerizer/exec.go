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
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/plaintext"
	"github.com/mctr/mctr/internal/saferoot"
	"github.com/mctr/mctr/isolators"
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

func (c *Containerizer) execProcess(id mctr.ContainerID, e Exec) (*specs.Process, error) {
	r := c.handle(id).Resolved()
	if r.Spec == nil || r.Spec.Process == nil {
		return nil, fmt.Errorf("%w: the spec of container %s", mctr.ErrNotFound, id)
	}
	if len(e.Args) == 0 {
		return nil, fmt.Errorf("%w: exec without a command", mctr.ErrInvalid)
	}
	config, err := c.handle(id).Record()
	if err != nil {
		return nil, err
	}
	p := r.Spec.Process
	p.Args, p.Terminal = e.Args, e.Terminal
	if e.WorkingDir != "" {
		p.Cwd = e.WorkingDir
	}
	if p.ConsoleSize = nil; e.ConsoleSize != nil && e.Terminal {
		p.ConsoleSize = &specs.Box{Width: uint(e.ConsoleSize.Width), Height: uint(e.ConsoleSize.Height)}
	}
	home := valueOf(p.Env, "HOME")
	if e.User != "" {
		if home, err = c.setUser(p, config, e.User); err != nil {
			return nil, err
		}
	}
	given := config.Config.Process.Env
	if r.Image != nil {
		given = slices.Concat(r.Image.Env, given)
	}
	p.Env = isolators.WithDefaults(override(isolators.WithoutDefaults(p.Env, given), e.Env), home, e.Terminal)
	return p, nil
}

func valueOf(env []string, name string) string {
	for _, variable := range env {
		if value, ok := strings.CutPrefix(variable, name+"="); ok {
			return value
		}
	}
	return ""
}

// setUser looks the user up in the container's filesystem and returns its home. As at
// launch, a user that is not root keeps no effective capabilities (capabilities(7)).
func (c *Containerizer) setUser(p *specs.Process, r *store.Record, name string) (home string, err error) {
	u, err := saferoot.LookupUser(c.root(r.ID, r.Config), name, r.Config.Process.GroupAdd)
	if err != nil {
		return "", err
	}
	p.User = u.Spec()
	if caps := p.Capabilities; caps != nil && u.UID != 0 {
		caps.Effective, caps.Permitted, caps.Ambient = nil, nil, nil
	} else if caps != nil {
		caps.Effective, caps.Permitted = caps.Bounding, caps.Bounding
	}
	return u.Home, nil
}
