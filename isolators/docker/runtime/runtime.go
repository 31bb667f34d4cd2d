// Package runtime is the docker/runtime isolator: what an image's config says of
// the process (Env, Entrypoint, Cmd, WorkingDir, User, StopSignal, Volumes), and
// what the container's config says instead.
//
// Launch: Check and Prepare; the engine starts the process. On disk:
// <container>/docker/runtime/volumes, one directory for each of the image's
// Volumes, with what the image has there; they go with the container. In the
// kernel, recovery: nothing.
// Spec: image-spec config.md; users are looked up in the image's own files,
// never on the host. Mesos: isolators/docker/runtime.
package runtime

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/moby/sys/signal"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/provisioner/inroot"
)

// defaultPath is the PATH of a container whose image has none, as docker's.
const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// initPath is where a container asked for with --init finds its init.
const initPath = "/sbin/mctr-init"

// New returns the isolator. helper is the mctr-helper binary, the init of
// containers that ask for one.
func New(helper string) isolators.Isolator { return &isolator{helper: helper} }

type isolator struct {
	isolators.Base
	helper string
}

func (*isolator) Name() string { return "docker/runtime" }

// Check refuses what needs no image to be seen as wrong.
func (*isolator) Check(_ context.Context, config *mctr.ContainerConfig) error {
	p := config.Process
	if p.WorkingDir != "" && !filepath.IsAbs(p.WorkingDir) {
		return fmt.Errorf("%w: --workdir %s: must be an absolute path", mctr.ErrInvalid, p.WorkingDir)
	}
	if config.Image == "" && len(p.Args) == 0 && (p.Entrypoint == nil || len(*p.Entrypoint) == 0) {
		return fmt.Errorf("%w: no command: without an image one must be given", mctr.ErrInvalid)
	}
	if s := config.StopSignal; s != "" {
		if _, err := signal.ParseSignal(s); err != nil {
			return fmt.Errorf("%w: --stop-signal %s: %w", mctr.ErrInvalid, s, err)
		}
	}
	for _, e := range p.Env {
		if name, _, ok := strings.Cut(e, "="); !ok || name == "" || strings.ContainsRune(e, 0) {
			return fmt.Errorf("%w: environment variable %q: want NAME=VALUE", mctr.ErrInvalid, e)
		}
	}
	return nil
}

// Prepare claims the process' arguments, directory and user.
func (i *isolator) Prepare(ctx context.Context, c *mctr.Container) (*mctr.Adjustment, error) {
	args, err := command(c)
	if err != nil {
		return nil, err
	}
	user, err := inroot.LookupUser(c.Rootfs, c.User(), c.Config.Process.GroupAdd)
	if err != nil {
		return nil, err
	}
	a := &mctr.Adjustment{Spec: specs.Spec{Process: &specs.Process{
		Args: args, Cwd: directory(c), User: specUser(user), Env: environment(c, user.Home),
	}}}
	if c.Config.Process.Init {
		a.Spec.Process.Args = append([]string{initPath, "init", "--"}, args...)
		a.Volumes = append(a.Volumes, specs.Mount{Destination: initPath, Type: "bind", Source: i.helper, Options: []string{"bind", "ro", "rprivate"}})
	}
	volumes, err := volumes(ctx, c)
	a.Volumes = append(a.Volumes, volumes...)
	return a, err
}

// command joins entrypoint and arguments by docker's rules.
func command(c *mctr.Container) ([]string, error) {
	p, image := c.Config.Process, c.Image
	if image == nil {
		image = &mctr.ImageConfig{}
	}
	entrypoint, args := image.Entrypoint, p.Args
	if p.Entrypoint != nil {
		entrypoint = *p.Entrypoint
	} else if len(args) == 0 {
		args = image.Cmd
	}
	all := append(append([]string{}, entrypoint...), args...)
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

func specUser(u *inroot.User) specs.User {
	user := specs.User{UID: uint32(u.UID), GID: uint32(u.GID)}
	for _, gid := range u.Groups {
		user.AdditionalGids = append(user.AdditionalGids, uint32(gid))
	}
	return user
}

// environment is the image's, with PATH, HOME and TERM where it has none.
func environment(c *mctr.Container, home string) []string {
	var env []string
	if c.Image != nil {
		env = append(env, c.Image.Env...)
	}
	defaults := []string{defaultPath, "HOME=" + home}
	if c.Config.Process.Terminal {
		defaults = append(defaults, "TERM=xterm")
	}
	for _, d := range defaults {
		name, _, _ := strings.Cut(d, "=")
		if !has(env, name) {
			env = append(env, d)
		}
	}
	return unique(env)
}

func has(env []string, name string) bool {
	for _, e := range env {
		if n, _, _ := strings.Cut(e, "="); n == name {
			return true
		}
	}
	return false
}

// unique keeps the last word on each variable: an image may repeat itself.
func unique(env []string) []string {
	var out []string
	for i, e := range env {
		if name, _, _ := strings.Cut(e, "="); !has(env[i+1:], name) {
			out = append(out, e)
		}
	}
	return out
}
