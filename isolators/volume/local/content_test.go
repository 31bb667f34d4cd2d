package local_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	volumestore "github.com/mctr/mctr/internal/volumes"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/isolatortest"
	"github.com/mctr/mctr/isolators/volume/local"
)

// withVolumes returns a container of an image with these Volumes, and an isolator.
func withVolumes(t *testing.T, config mctr.ContainerConfig, volumes ...string) (*mctr.Container, isolators.Isolator) {
	t.Helper()
	config.Image = "test"
	c := isolatortest.NewContainer(t, config)
	c.Image = &mctr.ImageConfig{Volumes: map[string]struct{}{}}
	for _, v := range volumes {
		c.Image.Volumes[v] = struct{}{}
	}
	return c, local.New(volumestore.New(volumestore.Config{Root: t.TempDir(), State: t.TempDir()}))
}

func mustPrepare(t *testing.T, i isolators.Isolator, c *mctr.Container) []specs.Mount {
	t.Helper()
	a, err := i.Prepare(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return a.Volumes
}

func check(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// TestVolumeCopiesUp checks that a volume begins with the image's files at its path: data, owners,
// modes, attributes, links and the directory itself.
func TestVolumeCopiesUp(t *testing.T) {
	c, i := withVolumes(t, mctr.ContainerConfig{}, "/data")
	from := filepath.Join(c.Rootfs, "data")
	check(t,
		os.WriteFile(from+"/file", []byte("content"), 0o640), unix.Chmod(from+"/file", 0o640),
		os.Chown(from+"/file", 5, 6), unix.Setxattr(from+"/file", "user.colour", []byte("red"), 0),
		os.Mkdir(from+"/sub", 0o700), os.WriteFile(from+"/sub/x", nil, 0o600), os.Symlink("/etc/passwd", from+"/link"),
		os.Link(from+"/file", from+"/sub/hard"), unix.Mkfifo(from+"/fifo", 0o644), unix.Chmod(from+"/fifo", 0o644),
		os.Chown(from, 33, 34), unix.Chmod(from, 0o2770), unix.Setxattr(from, "user.dir", []byte("yes"), 0))
	mounts := mustPrepare(t, i, c)
	if len(mounts) != 1 || mounts[0].Destination != "/data" ||
		strings.Join(mounts[0].Options, ",") != "rbind,rprivate" {
		t.Fatalf("mounts: %+v", mounts)
	}
	dir := mounts[0].Source
	wantStat(t, dir, unix.S_IFDIR|0o2770, 33, 34)
	wantStat(t, dir+"/file", unix.S_IFREG|0o640, 5, 6)
	wantStat(t, dir+"/sub", unix.S_IFDIR|0o700, 0, 0)
	wantStat(t, dir+"/fifo", unix.S_IFIFO|0o644, 0, 0)
	wantAttribute(t, dir, "user.dir", "yes")
	wantAttribute(t, dir+"/sub/hard", "user.colour", "red")
	if target, err := os.Readlink(dir + "/link"); err != nil || target != "/etc/passwd" {
		t.Errorf("the link leads to %q, %v", target, err)
	}
	if data, err := os.ReadFile(dir + "/file"); err != nil || string(data) != "content" {
		t.Errorf("the file holds %q, %v", data, err)
	}
}

func wantStat(t *testing.T, path string, mode, uid, gid uint32) {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil || st.Mode != mode || st.Uid != uid || st.Gid != gid {
		t.Errorf("%s: mode %o, owner %d:%d, %v; want %o, %d:%d", path, st.Mode, st.Uid, st.Gid, err, mode, uid, gid)
	}
}

func wantAttribute(t *testing.T, path, name, want string) {
	t.Helper()
	value := make([]byte, 64)
	n, err := unix.Getxattr(path, name, value)
	if err != nil || string(value[:n]) != want {
		t.Errorf("%s: %s is %q, %v; want %q", path, name, value[:max(n, 0)], err, want)
	}
}

// TestVolumePreparedTwice checks that a second Prepare keeps files that were written in between.
func TestVolumePreparedTwice(t *testing.T) {
	c, i := withVolumes(t, mctr.ContainerConfig{}, "/data", "/data/", "/b", "data/../c")
	mounts := mustPrepare(t, i, c)
	var targets []string
	for _, m := range mounts {
		targets = append(targets, m.Destination)
	}
	if got := strings.Join(targets, " "); got != "/b /c /data" {
		t.Fatalf("mounts at %s", got)
	}
	check(t, os.WriteFile(mounts[2].Source+"/written", nil, 0o600), os.WriteFile(c.Rootfs+"/data/later", nil, 0o600))
	again := mustPrepare(t, i, c)
	if isolatortest.JSON(t, again) != isolatortest.JSON(t, mounts) {
		t.Errorf("again: %+v, first %+v", again, mounts)
	}
	if _, err := os.Stat(again[2].Source + "/written"); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(again[2].Source + "/later"); err == nil {
		t.Error("the volume was filled again")
	}
}

// TestVolumeInterrupted checks that a cancelled Prepare leaves no volume that looks complete.
func TestVolumeInterrupted(t *testing.T) {
	c, i := withVolumes(t, mctr.ContainerConfig{}, "/data")
	check(t, os.WriteFile(c.Rootfs+"/data/file", nil, 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := i.Prepare(ctx, c); !errors.Is(err, context.Canceled) ||
		!strings.Contains(err.Error(), "/data") {
		t.Errorf("got %v, want context.Canceled that names the volume", err)
	}
	if _, err := os.Stat(mustPrepare(t, i, c)[0].Source + "/file"); err != nil {
		t.Error(err)
	}
}

// TestVolumeElsewhere checks that there is no volume at a user's mount, at the root, or without an
// image; that it is empty if the image has no files there; and that it never leads out of the
// image.
func TestVolumeElsewhere(t *testing.T) {
	c, i := withVolumes(t, with(mctr.Volume{Type: "tmpfs", Target: "/data/"}), "/data", "/",
		"..", "/new/one", "/out", "/up/x")
	secret := t.TempDir()
	check(t, os.WriteFile(secret+"/secret", nil, 0o600), os.Symlink(secret, c.Rootfs+"/out"),
		os.Symlink("../../../../..", c.Rootfs+"/up"))
	mounts := mustPrepare(t, i, c)
	var targets []string
	for _, m := range mounts {
		targets = append(targets, m.Destination)
		entries, err := os.ReadDir(m.Source)
		if err != nil || len(entries) > 0 {
			t.Errorf("volume %s: %v, %v; want an empty one", m.Destination, entries, err)
		}
		wantStat(t, m.Source, unix.S_IFDIR|0o755, 0, 0)
	}
	if got := strings.Join(targets, " "); got != "/new/one /out /up/x" {
		t.Errorf("volumes at %s", got)
	}
}

// TestVolumeOnAFile checks that the error names the volume.
func TestVolumeOnAFile(t *testing.T) {
	c, i := withVolumes(t, mctr.ContainerConfig{}, "/etc/passwd")
	if _, err := i.Prepare(t.Context(), c); err == nil ||
		!strings.Contains(err.Error(), "volume at /etc/passwd") {
		t.Errorf("got %v", err)
	}
}
