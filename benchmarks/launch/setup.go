package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/benchmarks/compare"
	"github.com/mctr/mctr/containerizer"
	openhost "github.com/mctr/mctr/containerizer/host"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/dirs"
)

// A rig has what the contenders share: directories, an image in the store, and the bundle of a
// container that has exited.
type rig struct {
	bin, dir, root, state string
	bundle, image         string
	model                 mctr.ContainerID
	containers            *containerizer.Containerizer
}

// newRig makes a rig with directories below root and state; "" is the default place.
func newRig(ctx context.Context, bin, root, state string) (*rig, error) {
	g := &rig{bin: bin, model: mctr.NewID()}
	for _, d := range []struct {
		made *string
		in   string
	}{{&g.dir, ""}, {&g.root, root}, {&g.state, stateParent(state)}} {
		made, err := os.MkdirTemp(d.in, "mctr-bench-")
		if err == nil {
			*d.made, err = dirs.Resolve(made) // as mctr does, because names in the kernel depend on the path
		}
		if err != nil {
			return nil, errors.Join(err, g.remove())
		}
	}
	g.bundle = filepath.Join(g.dir, "bundle")
	if err := g.open(ctx); err != nil {
		return nil, errors.Join(err, g.close(context.WithoutCancel(ctx)))
	}
	return g, nil
}

// stateParent returns /run, a tmpfs, unless the caller asked for another directory.
func stateParent(asked string) string {
	if info, err := os.Stat("/run"); asked == "" && err == nil && info.IsDir() {
		return "/run"
	}
	return asked
}

func (g *rig) program(name string) string { return filepath.Join(g.bin, name) }

func (g *rig) open(ctx context.Context) (err error) {
	if g.image, err = writeImage(filepath.Join(g.dir, "image")); err != nil {
		return err
	}
	h, err := openhost.Open(openhost.Config{Root: g.root, State: g.state, Shim: g.program("mctr-shim"),
		Helper: g.program("mctr-helper")})
	if err != nil {
		return err
	}
	if g.containers, err = h.Containers(ctx); err != nil {
		return err
	}
	return g.export(ctx)
}

// config returns the container that all contenders run.
func (g *rig) config(remove bool, args ...string) *mctr.ContainerConfig {
	return &mctr.ContainerConfig{
		Image: g.image, Remove: remove, Network: mctr.NetworkNone, Process: mctr.Process{Args: args},
	}
}

// launch runs a container with the library from start to exit.
func (g *rig) launch(ctx context.Context, id mctr.ContainerID, config *mctr.ContainerConfig) error {
	if _, err := g.containers.Launch(ctx, id, config, containerizer.LaunchOptions{}); err != nil {
		return err
	}
	end, err := g.containers.Wait(ctx, id)
	if errors.Is(err, mctr.ErrNotFound) { // with Remove, the container may be removed before Wait
		return nil
	}
	if err == nil && end.ExitCode != 0 {
		err = fmt.Errorf("exit code %d: %s", end.ExitCode, end.Message)
	}
	return err
}

// export writes the bundle that runc and crun run. The container of the bundle stays, because the
// bundle binds its sandbox.
func (g *rig) export(ctx context.Context) error {
	if err := g.launch(ctx, g.model, g.config(false, "/bin/true")); err != nil {
		return err
	}
	if err := g.containers.Export(ctx, g.model, g.bundle); err != nil {
		return err
	}
	return g.edit(g.bundle, g.group("bundle"), "/bin/true")
}

// edit writes the spec of the exported bundle into dir with its own root, control group and
// arguments. The version is one that old runtimes accept; they know everything in the spec.
func (g *rig) edit(dir, group string, args ...string) error {
	data, err := os.ReadFile(filepath.Join(g.bundle, "config.json"))
	if err != nil {
		return err
	}
	spec := &specs.Spec{}
	if err := json.Unmarshal(data, spec); err != nil {
		return err
	}
	spec.Version, spec.Process.Args = "1.0.2", args
	spec.Root.Path, spec.Linux.CgroupsPath = filepath.Join(g.bundle, "rootfs"), "/"+group
	if data, err = json.Marshal(spec); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "config.json"), data, 0o644)
}

// own returns the state directory of another runtime, on the filesystem of mctr's.
func (g *rig) own(runtime string) string { return g.state + "-" + runtime }

// group returns a control group for a run of a bundle, as deep as mctr's own.
func (g *rig) group(name string) string { return g.others() + "/" + name + "/main" }

// others returns the parent of all control groups that mctr does not make.
func (g *rig) others() string { return g.prefix() + "-bench" }

// prefix returns the parent of the control groups of this rig's containers.
func (g *rig) prefix() string {
	top, _, _ := strings.Cut(store.At("", g.state).Container(g.model).Cgroup(), "/")
	return top
}

// close removes everything.
func (g *rig) close(ctx context.Context) error {
	var errs []error
	if g.containers != nil {
		err := g.containers.Remove(ctx, g.model, true)
		if errors.Is(err, mctr.ErrNotFound) {
			err = nil
		}
		errs = append(errs, err, g.containers.Close())
	}
	errs = append(errs, drain(), cgroup.Remove(g.others()), compare.RemoveState(g.state))
	if err := errors.Join(errs...); err != nil {
		return err // do not delete what is still in use
	}
	return g.remove()
}

func (g *rig) remove() (err error) {
	dirs := []string{g.dir, g.root}
	if g.state != "" {
		dirs = append(dirs, g.state, g.own("runc"), g.own("crun"))
	}
	for _, dir := range dirs {
		err = errors.Join(err, os.RemoveAll(dir)) // RemoveAll ignores ""
	}
	return err
}
