package runtime

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/dirs"
	"github.com/mctr/mctr/internal/saferoot"
	"github.com/mctr/mctr/internal/tree"
	"github.com/mctr/mctr/provisioner/backend"
	"github.com/mctr/mctr/provisioner/backend/copy"
)

// volumes gives each of the image's volumes a directory of its own, filled with the image's files
// at that path, unless the user mounts something there.
func volumes(ctx context.Context, c *mctr.Container) ([]specs.Mount, error) {
	if c.Image == nil {
		return nil, nil
	}
	var targets []string
	for target := range c.Image.Volumes {
		targets = append(targets, filepath.Clean("/"+target))
	}
	slices.Sort(targets)
	var mounts []specs.Mount
	for _, target := range slices.Compact(targets) { // two spellings may mean one path
		if target == "/" ||
			slices.ContainsFunc(c.Config.Volumes, func(m mctr.Volume) bool {
				return filepath.Clean(m.Target) == target
			}) {
			continue
		}
		source, err := volume(ctx, c, target)
		if err != nil {
			return nil, fmt.Errorf("volume %s of the image: %w", target, err)
		}
		mounts = append(mounts,
			specs.Mount{Destination: target, Type: "bind", Source: source, Options: []string{"rbind", "rprivate"}})
	}
	return mounts, nil
}

// volume makes the directory. A directory that exists was made by an earlier Prepare and is
// complete, because it is renamed last.
func volume(ctx context.Context, c *mctr.Container, target string) (string, error) {
	dir := filepath.Join(c.Dir, "docker", "runtime", "volumes", mctr.ContainerID(target).Hash())
	if _, err := os.Lstat(dir); err == nil {
		return dir, nil
	}
	unfinished := dir + ".new"
	if err := tree.Remove(unfinished); err != nil {
		return "", err
	}
	if err := dirs.MakeAll(unfinished, 0o755); err != nil {
		return "", err
	}
	if err := fill(ctx, c.Rootfs, target, unfinished); err != nil {
		return "", err
	}
	return dir, os.Rename(unfinished, dir)
}

func fill(ctx context.Context, rootfs, target, dir string) error {
	from, err := saferoot.Open(rootfs, target, unix.O_DIRECTORY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the engine makes the mount point
	}
	if err != nil {
		return err
	}
	defer from.Close()
	source := saferoot.Path(from) + "/."
	return copy.Apply(ctx, []backend.Lower{{Dir: source, Root: true}}, dir, nil)
}
