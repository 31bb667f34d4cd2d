// Package rootfs handles a container's files, whether the container runs or not: it copies them,
// measures them, and makes a bundle of them. It also mounts the host's filesystem for containers
// without an image.
//
// In the kernel: for a container that does not run, mounts in no mount namespace, for the duration of
// one call; the copy of the host's mounts that BindHost makes, until Unmount. On disk: files that are
// copied to a container.
package rootfs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/dirs"
	"github.com/mctr/mctr/provisioner"
)

// Images are the methods of a provisioner that Files need.
type Images interface {
	Lease(ctx context.Context, holder, ref string, o provisioner.PullOptions) (*provisioner.Image, error)
	Leases() (map[string]*provisioner.Image, error)
	Open(ctx context.Context, image *provisioner.Image, rw string, o provisioner.OpenOptions) (*os.File, error)
	Unpack(ctx context.Context, image *provisioner.Image, dir string) error
}

// FindVolume returns the volume that m, a mount in the config of a stopped container, asks for; nil if the mount
// exists only while the container runs. The error names the cause alone.
type FindVolume func(ctx context.Context, id mctr.ContainerID, m mctr.Volume) (*provisioner.Volume, error)

// OpenStorage makes the directories that hold what a container writes ready to be used; see
// isolators.StorageLimiter.
type OpenStorage func(ctx context.Context, h mctr.Handle, config *mctr.ContainerConfig) error

// Files handles the files of the containers of one store.
type Files struct {
	store   *store.Store
	images  Images
	volume  FindVolume
	storage OpenStorage
	release func(ctx context.Context, id mctr.ContainerID) error
}

// New returns the files of the containers of a store. Without images (nil), containers have
// the host's filesystem only. volume finds the volumes of a stopped container, and storage opens what
// holds its files. release releases what a container that has exited still holds; its lock is held.
func New(s *store.Store, images Images, volume FindVolume, storage OpenStorage,
	release func(ctx context.Context, id mctr.ContainerID) error) *Files {
	return &Files{store: s, images: images, volume: volume, storage: storage, release: release}
}

var errNoImages = errors.New("there is no image store")

// A view is a container's filesystem while it is open.
type view struct {
	id     mctr.ContainerID
	root   *os.File          // O_PATH
	mounts map[string]string // of a stopped container, by target: why the mount is absent, "" if it is not
}

// within calls do with the filesystem of the container. For a running container this is its init's
// root, and no lock is held, so that reading it blocks no other process. For a container that does not
// run the filesystem is mounted for do alone, under the container's lock, so that it does not start
// meanwhile.
func (f *Files) within(ctx context.Context, id mctr.ContainerID, do func(*view) error) error {
	for n := 0; ; n++ {
		phase, err := f.store.Container(id).Phase()
		if err != nil {
			return err
		}
		switch phase {
		case mctr.Running, mctr.Paused:
			root, err := f.liveRoot(id)
			if errors.Is(err, errNotItsInit) && n < 100 { // it has exited, and that is not recorded yet
				time.Sleep(20 * time.Millisecond)
				continue
			}
			if err != nil {
				return err
			}
			return errors.Join(do(&view{id: id, root: root}), root.Close())
		case mctr.Exited, mctr.Created, mctr.Lost, mctr.Destroying:
			err := f.withinStopped(ctx, id, do)
			if errors.Is(err, errRuns) {
				continue
			}
			return err
		}
		return fmt.Errorf("%w: container %s is %s", mctr.ErrState, id.Short(), phase)
	}
}

var (
	errNotItsInit = fmt.Errorf("%w: the container is ending", mctr.ErrState)
	errRuns       = fmt.Errorf("%w: the container runs", mctr.ErrState)
)

// liveRoot opens the root of the container's init. The control group proves that the process is the
// init, and not another process that was given its pid; both are read through one descriptor of the
// process.
func (f *Files) liveRoot(id mctr.ContainerID) (*os.File, error) {
	created := f.store.Container(id).Created()
	if created == nil {
		return nil, errNotItsInit
	}
	dir, err := os.OpenFile(fmt.Sprintf("/proc/%d", created.Pid), unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, errNotItsInit
	}
	defer dir.Close()
	groups, err := readAt(dir, "cgroup")
	if err != nil || !strings.Contains(groups, "/"+f.store.Container(id).Cgroup()) {
		return nil, errNotItsInit
	}
	root, err := unix.Openat(int(dir.Fd()), "root", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) {
		return nil, errNotItsInit
	}
	if err != nil {
		return nil, fmt.Errorf("open the root of container %s: %w", id.Short(), err)
	}
	return os.NewFile(uintptr(root), "/"), nil
}

func readAt(dir *os.File, name string) (string, error) {
	fd, err := unix.Openat(int(dir.Fd()), name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	data, err := io.ReadAll(f)
	return string(data), err
}

// withinStopped is within for a container that does not run.
func (f *Files) withinStopped(ctx context.Context, id mctr.ContainerID,
	do func(*view) error) (err error) {
	lock, err := f.store.Container(id).Lock(ctx)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	if err := f.release(ctx, id); err != nil { // it may have exited a moment ago, and still be mounted
		return err
	}
	if phase, err := f.store.Container(id).Phase(); err != nil {
		return err
	} else if phase != mctr.Exited && phase != mctr.Created {
		return errRuns
	}
	r, err := f.store.Container(id).Record()
	if err != nil {
		return err
	}
	volumes, mounts := f.stoppedMounts(ctx, r)
	root, err := f.stoppedRoot(ctx, r, volumes)
	if err != nil {
		return fmt.Errorf("open the filesystem of container %s: %w", id.Short(), err)
	}
	return errors.Join(do(&view{id: id, root: root, mounts: mounts}), root.Close())
}

func (f *Files) stoppedRoot(ctx context.Context, r *store.Record,
	volumes []provisioner.Volume) (*os.File, error) {
	if r.Config.Image == "" {
		return nil, fmt.Errorf("%w: it is the host's, and the container does not run", mctr.ErrUnsupported)
	}
	if f.images == nil {
		return nil, errNoImages
	}
	held, err := f.images.Leases()
	if err != nil {
		return nil, err
	}
	image := held[string(r.ID)]
	if image == nil {
		return nil, fmt.Errorf("%w: nothing holds its image any more", mctr.ErrNotFound)
	}
	if err := dirs.Make(f.store.Container(r.ID).RW(), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if err := f.storage(ctx, f.store.HandleOf(r.ID), r.Config); err != nil {
		return nil, err
	}
	return f.images.Open(ctx, image, f.store.Container(r.ID).RW(),
		provisioner.OpenOptions{ReadOnly: r.Config.ReadOnly, Volumes: volumes})
}

// check returns an error for a path in a mount that is absent: what lies beneath the mount is not
// what the container sees.
func (v *view) check(file, asked string) error {
	for at := path.Clean("/" + file); at != "/"; at = path.Dir(at) {
		why, ok := v.mounts[at]
		switch {
		case ok && why == "":
			return nil
		case ok:
			return fmt.Errorf("%w: %s lies in a mount of container %s at %s (%s)", mctr.ErrState, asked, v.id.Short(),
				at, why)
		}
	}
	return nil
}

// checkOpened is check for the file to which a path resolved.
func (v *view) checkOpened(f *os.File, asked string) error {
	if len(v.mounts) == 0 {
		return nil
	}
	found, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
	if err != nil {
		return err
	}
	return v.check(found, asked)
}
