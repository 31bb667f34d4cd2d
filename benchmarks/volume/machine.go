package volume

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/benchmarks/compare"
	"github.com/mctr/mctr/containerizer/host"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/cgroup"
)

// Programs are the programs of a machine.
type Programs struct {
	Bench string // mctr-bench
	Bin   string // the directory of mctr-shim and mctr-helper
	Image string // in which the work runs; "": an empty one
}

// A machine is a node whose agent is in this process.
type machine struct {
	programs Programs
	dir      string
	boots    int // each boot has a STATE of its own
	host     *host.Host
	api      agent.API // nil: crashed
}

// newMachine makes a machine below dir, which close removes.
func newMachine(ctx context.Context, p Programs, dir string) (*machine, error) {
	dir, err := os.MkdirTemp(dir, "mctr-bench-volume-")
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return nil, err
	}
	m := &machine{programs: p, dir: dir}
	if m.programs.Image == "" {
		m.programs.Image = "rootfs:" + filepath.Join(dir, "rootfs")
	}
	err = errors.Join(os.MkdirAll(filepath.Join(dir, "rootfs/tmp"), 0o755), os.Mkdir(m.baseline(), 0o755))
	if err == nil {
		err = m.boot(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, m.close(context.WithoutCancel(ctx)))
	}
	return m, nil
}

func (m *machine) root() string     { return filepath.Join(m.dir, "root") }
func (m *machine) state() string    { return filepath.Join(m.dir, "state"+strconv.Itoa(m.boots)) }
func (m *machine) baseline() string { return filepath.Join(m.dir, "disk") } // on the local disk

func (m *machine) volumes() agent.Volumes { return m.api.Volumes() }

// open opens what an agent opens, for containers of owner.
func (p Programs) open(ctx context.Context, root, state, owner string) (*host.Host, agent.API, error) {
	h, err := host.Open(host.Config{Root: root, State: state, Owner: owner,
		Shim: filepath.Join(p.Bin, "mctr-shim"), Helper: filepath.Join(p.Bin, "mctr-helper")})
	if err != nil {
		return nil, nil, err
	}
	containers, err := h.Containers(ctx)
	if err != nil {
		return nil, nil, err
	}
	images, err := h.Images()
	if err != nil {
		return nil, nil, errors.Join(err, h.Close())
	}
	return h, agent.NewLocal(containers, images, h.Networks(), h.Volumes(), agent.LocalHost{Root: root, State: state}),
		nil
}

// boot implements node. Recover undoes what the crash cut off, and the containers of before are removed.
func (m *machine) boot(ctx context.Context) (err error) {
	m.boots++
	if m.host, m.api, err = m.programs.open(ctx, m.root(), m.state(), "bench"); err != nil {
		return fmt.Errorf("boot: %w", err)
	}
	containers, err := m.host.Containers(ctx)
	if err == nil {
		_, err = containers.Recover(ctx)
	}
	return errors.Join(err, m.removeContainers(ctx))
}

func (m *machine) removeContainers(ctx context.Context) error {
	ids, err := m.api.Containers(ctx)
	errs := []error{err}
	for _, id := range ids {
		if err := m.api.Remove(ctx, id, true); !errors.Is(err, mctr.ErrNotFound) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// removeVolume removes a volume with its storage, which a machine that is down cannot.
func (m *machine) removeVolume(ctx context.Context, name string) error {
	if m.api == nil {
		return fmt.Errorf("%w: remove volume %s: the node does not run", mctr.ErrState, name)
	}
	return errors.Join(m.removeContainers(ctx), m.volumes().Remove(ctx, name))
}

// crash implements node. The kernel's cache of files survives, in contrast to a power cut.
func (m *machine) crash(context.Context) error {
	groups := store.At("", m.state()).CgroupPrefix()
	err := errors.Join(cgroup.Kill(groups+"-shims", time.Second), cgroup.Kill(groups, time.Second), m.host.Close())
	m.host, m.api = nil, nil
	if err := errors.Join(err, m.unmount(), cgroup.Remove(groups), cgroup.Remove(groups+"-shims")); err != nil {
		return fmt.Errorf("crash: %w", err)
	}
	return os.RemoveAll(m.state())
}

// unmount unmounts all that is mounted in the machine's directory, the last mount first.
func (m *machine) unmount() error {
	mounts, err := mountinfo.GetMounts(mountinfo.PrefixFilter(m.dir))
	if err != nil {
		return err
	}
	var errs []error
	for i := range mounts {
		at := mounts[len(mounts)-1-i].Mountpoint
		if err := unix.Unmount(at, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) {
			errs = append(errs, &fs.PathError{Op: "unmount", Path: at, Err: err})
		}
	}
	return errors.Join(errs...)
}

func (m *machine) other(ctx context.Context) (node, error) {
	return newMachine(ctx, m.programs, filepath.Dir(m.dir))
}

// close implements node. It goes on past errors, but does not delete what is in use.
func (m *machine) close(ctx context.Context) error {
	var errs []error
	if m.api != nil {
		errs = append(errs, m.removeContainers(ctx), m.host.Close())
	}
	errs = append(errs, compare.RemoveState(m.state()))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%s is left: %w", m.dir, err)
	}
	if err := m.unmount(); err != nil {
		return err
	}
	return os.RemoveAll(m.dir)
}
