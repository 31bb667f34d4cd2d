package image_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/isolatortest"
	"github.com/mctr/mctr/isolators/volume/image"
	"github.com/mctr/mctr/provisioner"
	"github.com/mctr/mctr/provisioner/imagetest"
)

// newIsolator returns the isolator with an image store of its own, and an image in it.
func newIsolator(t *testing.T) (i isolators.Isolator, images *provisioner.Provisioner, reference string) {
	t.Helper()
	images, err := provisioner.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	reference = imagetest.Busybox(t, t.TempDir())
	if _, err := images.Pull(t.Context(), reference, provisioner.PullOptions{}); err != nil {
		t.Fatal(err)
	}
	return image.New(images), images, reference
}

func with(v mctr.Volume) mctr.ContainerConfig {
	v.Type = mctr.VolumeImage
	return mctr.ContainerConfig{Image: "test", Volumes: []mctr.Volume{v}}
}

func TestConformance(t *testing.T) {
	i, _, reference := newIsolator(t)
	whole, part := with(mctr.Volume{Source: reference, Target: "/x"}),
		with(mctr.Volume{Source: reference, Target: "/x", SubPath: "bin", ReadOnly: true})
	isolatortest.Run(t, func() isolators.Isolator { return i }, &whole, &part)
}

func TestCheck(t *testing.T) {
	i, _, reference := newIsolator(t)
	isolatortest.Refuses(t, i, []isolatortest.Refusal{
		{Config: with(mctr.Volume{Target: "/x"}), Is: mctr.ErrInvalid, Field: "volumes.source for /x"},
		{Config: with(mctr.Volume{Source: reference, Target: "/x", Options: []string{"size=1m"}}), Is: mctr.ErrInvalid,
			Field: "volumes.options"},
	})
	isolatortest.Accepts(t, i, with(mctr.Volume{Source: reference, Target: "/x", Options: []string{"noexec"}}))
	isolatortest.Refuses(t, image.New(nil), []isolatortest.Refusal{
		{Config: with(mctr.Volume{Source: reference, Target: "/x"}), Is: mctr.ErrUnsupported,
			Field: "volumes.type image"},
	})
}

// TestReadOnly: a read-only volume refuses writes, and its part too.
func TestReadOnly(t *testing.T) {
	i, _, reference := newIsolator(t)
	for _, part := range []string{"", "bin"} {
		c := isolatortest.NewContainer(t,
			with(mctr.Volume{Source: reference, Target: "/x", SubPath: part, ReadOnly: true}))
		dir := prepare(t, i, c)
		if _, err := os.Stat(filepath.Join(dir, strings.TrimPrefix("bin/busybox", part))); err != nil {
			t.Error(err)
		}
		if err := os.WriteFile(dir+"/new", nil, 0o600); !errors.Is(err, unix.EROFS) {
			t.Errorf("part %q: write: %v, want EROFS", part, err)
		}
	}
}

func prepare(t *testing.T, i isolators.Isolator, c *mctr.Container) string {
	t.Helper()
	a, err := i.Prepare(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := i.Cleanup(t.Context(), c.Handle); err != nil {
			t.Error(err)
		}
	})
	return a.Volumes[0].Source
}

// TestRuns: a later run finds the changes of the first, and its image, also if the tag has moved.
func TestRuns(t *testing.T) {
	i, images, reference := newIsolator(t)
	if err := images.Tag(t.Context(), reference, "example.test/moving:1"); err != nil {
		t.Fatal(err)
	}
	c := isolatortest.NewContainer(t, with(mctr.Volume{Source: "example.test/moving:1", Target: "/x"}))
	if err := os.WriteFile(prepare(t, i, c)+"/written", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := i.Cleanup(t.Context(), c.Handle); err != nil {
		t.Fatal(err)
	}
	if _, err := images.Remove(t.Context(), "example.test/moving:1", true); err != nil {
		t.Fatal(err)
	}
	c.Config.Pull = "never"
	if _, err := os.Stat(prepare(t, i, c) + "/written"); err != nil {
		t.Error(err)
	}
	other := isolatortest.NewContainer(t, *c.Config)
	if _, err := i.Prepare(t.Context(), other); !errors.Is(err, mctr.ErrNotFound) ||
		!strings.Contains(err.Error(), "example.test/moving:1") {
		t.Errorf("another container: %v, want ErrNotFound that names the image", err)
	}
}
