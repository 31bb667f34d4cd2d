// Package runtime is the docker/runtime isolator: it combines the process of an image's config
// (Env, Entrypoint, Cmd, WorkingDir, User, StopSignal) with the settings of the container's config,
// which have precedence. The image's Volumes are for volume/local.
//
// Launch: Check and Prepare; the engine starts the process. On disk, in the kernel, recovery: nothing.
// Spec: image-spec config.md; users are looked up in the image's own files, never on the
// host. Mesos: isolators/docker/runtime.
package runtime

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/sys/signal"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/saferoot"
	"github.com/mctr/mctr/isolators"
)

// initPath is the path of the init in a container with an image.
const initPath = "/sbin/mctr-init"

// New returns the isolator. helper is the path of mctr-helper, which is the init of containers that
// ask for one.
func New(helper string) isolators.Isolator { return &isolator{helper: helper} }

type isolator struct {
	isolators.Base
	helper string
}

func (*isolator) Name() string { return "docker/runtime" }

// Check refuses everything that is not valid whatever the image says.
func (*isolator) Check(_ context.Context, config *mctr.ContainerConfig) error {
	p := config.Process
	if p.WorkingDir != "" && !filepath.IsAbs(p.WorkingDir) {
		return fmt.Errorf("%w: process.working_dir %s: must be an absolute path", mctr.ErrInvalid, p.WorkingDir)
	}
	if p.Pause && (len(p.Args) > 0 || p.Entrypoint != nil || p.Init) {
		return fmt.Errorf("%w: a container that only holds a group together has no command", mctr.ErrInvalid)
	}
	if config.Image == "" && !p.Pause && len(p.Args) == 0 && (p.Entrypoint == nil || len(*p.Entrypoint) == 0) {
		return fmt.Errorf("%w: no command: a container without an image needs one", mctr.ErrInvalid)
	}
	if s := config.StopSignal; s != "" {
		if number, err := signal.ParseSignal(s); err != nil || !signal.ValidSignalForPlatform(number) {
			return fmt.Errorf("%w: stop_signal %s: no such signal", mctr.ErrInvalid, s)
		}
	}
	for _, e := range p.Env {
		if name, _, ok := strings.Cut(e, "="); !ok || name == "" || strings.ContainsRune(e, 0) {
			return fmt.Errorf("%w: process.env %q: want NAME=VALUE", mctr.ErrInvalid, e)
		}
	}
	return nil
}

// Prepare claims the process' arguments, directory, user and environment.
func (i *isolator) Prepare(_ context.Context, c *mctr.Container) (*mctr.Adjustment, error) {
	args, err := command(c)
	if err != nil {
		return nil, err
	}
	user, err := saferoot.LookupUser(c.Rootfs, c.User(), c.Config.Process.GroupAdd)
	if err != nil {
		return nil, fmt.Errorf("process.user %q, process.group_add %q (or the image's): %w", c.User(),
			c.Config.Process.GroupAdd, err)
	}
	a := &mctr.Adjustment{Spec: specs.Spec{Process: &specs.Process{
		Args: args, Cwd: directory(c), User: user.Spec(), Env: environment(c, user.Home),
	}}}
	if c.Config.Process.Init || c.Config.Process.Pause {
		i.reap(c, a)
	}
	return a, nil
}

// reap puts the helper before the command as process 1; without a command the helper only reaps. A
// container on the host's filesystem uses the helper at its own path, because a mount of it would
// need a mount point on the host.
func (i *isolator) reap(c *mctr.Container, a *mctr.Adjustment) {
	path := i.helper
	if c.Image != nil {
		path = initPath
		a.Volumes = append(a.Volumes,
			specs.Mount{Destination: path, Type: "bind", Source: i.helper, Options: []string{"bind", "ro", "rprivate"}})
	}
	if c.Config.Process.Pause {
		a.Spec.Process.Args = []string{path, "pause"}
		return
	}
	a.Spec.Process.Args = append([]string{path, "init", "--"}, a.Spec.Process.Args...)
}

// command joins entrypoint and arguments by docker's rules. The root of a group has no command.
func command(c *mctr.Container) ([]string, error) {
	p, image := c.Config.Process, c.Image
	if p.Pause {
		return nil, nil
	}
	if image == nil {
		image = &mctr.ImageConfig{}
	}
	entrypoint, args := image.Entrypoint, p.Args
	if p.Entrypoint != nil {
		entrypoint = *p.Entrypoint
	} else if len(args) == 0 {
		args = image.Cmd
	}
	if len(entrypoint) == 1 && entrypoint[0] == "" { // docker's spelling of none
		entrypoint = nil
	}
	all := slices.Concat(entrypoint, args)
	if len(all) == 0 {
		return nil, fmt.Errorf("%w: no command: neither the image nor the command line has one", mctr.ErrInvalid)
	}
	return all, nil
}

func directory(c *mctr.Container) string {
	if dir := c.Config.Process.WorkingDir; dir != "" {
		return dir
	}
	switch {
	case c.Image == nil:
		return c.Sandbox
	case c.Image.WorkingDir == "":
		return "/"
	case !filepath.IsAbs(c.Image.WorkingDir):
		return "/" + c.Image.WorkingDir
	}
	return c.Image.WorkingDir
}

// environment returns the image's environment with the defaults of PATH, HOME and TERM. It drops
// variables of mctr's own, which an image must not set. An entry without a value removes a default.
func environment(c *mctr.Container, home string) []string {
	var env, unwanted []string
	if c.Image != nil {
		unwanted = c.Image.Env
		env = slices.DeleteFunc(slices.Clone(c.Image.Env), func(e string) bool {
			return strings.HasPrefix(e, "MESOS_") || !strings.Contains(e, "=") || strings.HasPrefix(e, "=")
		})
	}
	all := isolators.WithDefaults(env, home, c.Config.Process.Terminal)
	return unique(slices.DeleteFunc(all, func(e string) bool {
		name, _, _ := strings.Cut(e, "=")
		// the runtime sets HOME in any case
		return slices.Contains(unwanted, name) && name != "HOME" && !isolators.Has(env, name)
	}))
}

// unique keeps the last value of each variable, because an image may repeat one.
func unique(env []string) []string {
	var out []string
	for i, e := range env {
		if name, _, _ := strings.Cut(e, "="); !isolators.Has(env[i+1:], name) {
			out = append(out, e)
		}
	}
	return out
}
