package local

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/saferoot"
	"github.com/mctr/mctr/internal/volumes"
	"github.com/mctr/mctr/provisioner/backend"
	"github.com/mctr/mctr/provisioner/backend/copy"
)

// imageVolumes returns a volume for each of the image's Volumes at which the user mounts nothing.
func imageVolumes(c *mctr.Container) (list []mctr.Volume) {
	if c.Image == nil {
		return nil
	}
	var targets []string
	for target := range c.Image.Volumes {
		targets = append(targets, filepath.Clean("/"+target))
	}
	slices.Sort(targets)
	for _, target := range slices.Compact(targets) { // two spellings may mean one path
		there := func(v mctr.Volume) bool { return filepath.Clean(v.Target) == target }
		if target != "/" && !slices.ContainsFunc(c.Config.Volumes, there) {
			list = append(list, mctr.Volume{Type: mctr.VolumeLocal, Target: target})
		}
	}
	return list
}

// shared returns first, and gives the directory to the group by which v is shared.
func shared(first *volumes.Content, v mctr.Volume) *volumes.Content {
	if v.GID == nil {
		return first
	}
	return &volumes.Content{Files: first.Files, Write: func(dir string) error {
		if err := first.Write(dir); err != nil {
			return err
		}
		return errors.Join(os.Chown(dir, -1, int(*v.GID)), os.Chmod(dir, os.ModeSetgid|0o775))
	}}
}

// firstContent returns what an empty volume at v's target begins with: as with docker, the image's
// files there with their owners, modes and attributes. A directory that the image does not have belongs
// to the task's user.
func firstContent(ctx context.Context, c *mctr.Container, v mctr.Volume) (*volumes.Content, error) {
	from, err := saferoot.Open(c.Rootfs, v.Target, unix.O_DIRECTORY)
	if c.Image == nil || v.NoCopy || errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			_ = from.Close()
		}
		return &volumes.Content{Write: func(dir string) error { return giveToUser(c, dir) }}, nil
	}
	if err != nil {
		return nil, err
	}
	defer from.Close()
	files, err := hasFiles(from)
	if err != nil {
		return nil, err
	}
	return &volumes.Content{Files: files, Write: func(dir string) error {
		from, err := saferoot.Open(c.Rootfs, v.Target, unix.O_DIRECTORY)
		if err != nil {
			return err
		}
		defer from.Close()
		return copy.Apply(ctx, []backend.Lower{{Dir: saferoot.Path(from) + "/.", Root: true}}, dir, nil)
	}}, nil
}

func hasFiles(dir *os.File) (bool, error) {
	opened, err := saferoot.Use(dir)
	if err != nil {
		return false, err
	}
	defer opened.Close()
	_, err = opened.Readdirnames(1)
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	return err == nil, err
}

// giveToUser gives an empty directory to the user of the container's process.
func giveToUser(c *mctr.Container, dir string) error {
	user, err := saferoot.LookupUser(c.Rootfs, c.User(), nil)
	if err != nil {
		return err
	}
	return os.Chown(dir, int(user.UID), int(user.GID))
}
