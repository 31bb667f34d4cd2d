package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/opencontainers/runc/libcontainer"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/benchmarks/compare"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/containerizer/host"
)

// atOnce is the number of containers that are launched at the same time.
const atOnce = 4

// A rig has containers that sleep.
type rig struct {
	bin, dir, root, state string
	ids                   []mctr.ContainerID
}

func (r *rig) open(ctx context.Context, o *options) (err error) {
	if r.dir, err = os.MkdirTemp("", "mctr-recover"); err != nil {
		return err
	}
	if r.bin, err = filepath.Abs(o.bin); err != nil {
		return err
	}
	r.root, r.state = filepath.Join(r.dir, "root"), filepath.Join(r.dir, "state")
	if err := rootfs(filepath.Join(r.dir, "rootfs")); err != nil {
		return err
	}
	c, err := r.agent(ctx)
	if err != nil {
		return err
	}
	for range o.containers {
		r.ids = append(r.ids, mctr.NewID())
	}
	return errors.Join(r.launch(ctx, c), c.Close())
}

// rootfs makes a root filesystem with a static busybox as bin/sleep.
func rootfs(dir string) error {
	busybox, err := os.ReadFile("/bin/busybox")
	if err != nil {
		return fmt.Errorf("%w (apt-get install busybox-static)", err)
	}
	for _, d := range []string{"bin", "proc", "sys", "dev", "etc"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "bin/sleep"), busybox, 0o755)
}

// agent returns a containerizer as an agent that has just started has it.
func (r *rig) agent(ctx context.Context) (*containerizer.Containerizer, error) {
	h, err := host.Open(host.Config{Root: r.root, State: r.state, Owner: "bench",
		Shim: filepath.Join(r.bin, "mctr-shim"), Helper: filepath.Join(r.bin, "mctr-helper")})
	if err != nil {
		return nil, err
	}
	return h.Containers(ctx)
}

// launch launches all containers.
func (r *rig) launch(ctx context.Context, c *containerizer.Containerizer) error {
	config := &mctr.ContainerConfig{Network: mctr.NetworkNone, Image: "rootfs:" + filepath.Join(r.dir, "rootfs"),
		Process: mctr.Process{Args: []string{"/bin/sleep", "86400"}}}
	return r.forAll(func(id mctr.ContainerID) error {
		_, err := c.Launch(ctx, id, config, containerizer.LaunchOptions{})
		return err
	})
}

func (r *rig) forAll(do func(mctr.ContainerID) error) error {
	turns, errs := make(chan mctr.ContainerID), make([]error, atOnce)
	var all sync.WaitGroup
	for i := range atOnce {
		all.Go(func() {
			for id := range turns {
				if errs[i] == nil {
					errs[i] = do(id)
				}
			}
		})
	}
	for _, id := range r.ids {
		turns <- id
	}
	close(turns)
	all.Wait()
	return errors.Join(errs...)
}

func (r *rig) contenders(ctx context.Context) []*compare.Contender {
	return []*compare.Contender{
		{Name: "containerizer.Recover", Round: func() error { return r.recover(ctx) }},
		{Name: "libcontainer.Load", Round: r.load},
	}
}

// recover acts as an agent that starts and ends.
func (r *rig) recover(ctx context.Context) error {
	c, err := r.agent(ctx)
	if err != nil {
		return err
	}
	found, err := c.Recover(ctx)
	if err == nil && len(found.Adopted) != len(r.ids) {
		err = fmt.Errorf("%d of %d containers taken over", len(found.Adopted), len(r.ids))
	}
	return errors.Join(err, c.Close())
}

func (r *rig) load() error {
	for _, id := range r.ids {
		c, err := libcontainer.Load(filepath.Join(r.root, "containers", string(id), "engine"), string(id))
		if err != nil {
			return err
		}
		if c.ID() != string(id) {
			return fmt.Errorf("loaded %s, not %s", c.ID(), id)
		}
	}
	return nil
}

// close removes everything. It goes on past errors.
func (r *rig) close(ctx context.Context) error {
	var errs []error
	if len(r.ids) > 0 {
		errs = append(errs, r.remove(ctx), compare.RemoveState(r.state))
	}
	return errors.Join(append(errs, os.RemoveAll(r.dir))...)
}

func (r *rig) remove(ctx context.Context) error {
	c, err := r.agent(ctx)
	if err != nil {
		return err
	}
	return errors.Join(r.forAll(func(id mctr.ContainerID) error {
		err := c.Remove(ctx, id, true)
		if errors.Is(err, mctr.ErrNotFound) {
			return nil // the container was never launched
		}
		return err
	}), c.Close())
}
