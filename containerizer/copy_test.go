package containerizer_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"strings"
	"sync"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/provisioner/imagetest"
)

// copied is what CopyFrom gives, as text.
func (a *agent) copied(id mctr.ContainerID, path string) (string, error) {
	a.t.Helper()
	var b bytes.Buffer
	err := a.CopyFrom(context.Background(), id, path, &b, containerizer.CopyOptions{})
	return b.String(), err
}

func TestCopy(t *testing.T) {
	a := newAgent(t)
	ctx := context.Background()
	if err := a.Create(ctx, "job", a.config("sleep", "100"), nil); err != nil {
		t.Fatal(err)
	}
	stream := imagetest.Tar(t, imagetest.Dir("d", 0o755), imagetest.File("d/f", "marked").With(imagetest.Owner(5, 6)), imagetest.Symlink("d/l", "f"))
	for _, phase := range []string{"created", "running", "ended"} {
		switch phase {
		case "running":
			if _, err := a.Start(ctx, "job", containerizer.LaunchOptions{Detach: true}); err != nil {
				t.Fatal(err)
			}
		case "ended":
			if _, err := a.Destroy(ctx, "job"); err != nil {
				t.Fatal(err)
			}
		}
		if text, err := a.copied("job", "/tmp/d/f"); phase != "created" && (err != nil || !strings.Contains(text, "marked")) {
			t.Errorf("%s: what was copied before: %v", phase, err)
		}
		if err := a.CopyTo(ctx, "job", "/tmp", bytes.NewReader(imagetest.Gzip(t, stream)), containerizer.CopyOptions{Archive: true}); err != nil {
			t.Fatalf("%s: %v", phase, err)
		}
		s, err := a.StatPath(ctx, "job", "tmp/d/l", containerizer.CopyOptions{})
		if err != nil || s.Mode()&fs.ModeSymlink == 0 || s.LinkTarget != "f" {
			t.Errorf("%s: %+v, %v", phase, s, err)
		}
		if s, err := a.StatPath(ctx, "job", "tmp/d/l", containerizer.CopyOptions{FollowLink: true}); err != nil || s.Size() != 6 {
			t.Errorf("%s: %+v, %v", phase, s, err)
		}
		if _, err := a.copied("job", "/nosuch"); !errors.Is(err, mctr.ErrNotFound) || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", phase, err)
		}
		if err := a.CopyTo(ctx, "job", "/tmp/d/f", bytes.NewReader(stream), containerizer.CopyOptions{}); !errors.Is(err, mctr.ErrInvalid) {
			t.Errorf("%s: to a file: %v", phase, err)
		}
		if u, err := a.DiskUsage(ctx, "job"); err != nil || u.Written == 0 || u.Total() < u.Written {
			t.Errorf("%s: %+v, %v", phase, u, err)
		}
	}
	if _, err := a.copied("nobody", "/"); !errors.Is(err, mctr.ErrNotFound) {
		t.Error(err)
	}
	a.remove("job")
}

// TestCopyTogether copies by many at once, to containers that end and start
// meanwhile: each copy is whole or says why not, and nothing waits for ever.
func TestCopyTogether(t *testing.T) {
	a := newAgent(t)
	ctx, cancel := context.WithCancel(context.Background())
	if err := a.Create(ctx, "job", a.config("sleep", "0.05"), nil); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	good := make([]int, 4)
	for i := range good {
		all.Go(func() {
			for ctx.Err() == nil {
				var err error
				if i%2 == 0 {
					err = a.CopyFrom(ctx, "job", "/etc", io.Discard, containerizer.CopyOptions{})
				} else {
					err = a.CopyTo(ctx, "job", "/tmp", bytes.NewReader(imagetest.Tar(t, imagetest.File("f", "x"))), containerizer.CopyOptions{})
				}
				switch {
				case err == nil:
					good[i]++
				case !errors.Is(err, mctr.ErrState) && !errors.Is(err, context.Canceled) && !errors.Is(err, fs.ErrNotExist):
					t.Error(err)
				}
			}
		})
	}
	for range 4 {
		if _, err := a.Start(ctx, "job", containerizer.LaunchOptions{Detach: true}); err != nil {
			t.Error(err)
		}
		if _, err := a.Wait(ctx, "job"); err != nil {
			t.Error(err)
		}
	}
	cancel()
	all.Wait()
	for i, n := range good {
		if n < 3 {
			t.Errorf("copier %d did it %d times only", i, n)
		}
	}
	a.remove("job")
}

// TestCopyOfTheHosts: a container on the host's filesystem has it while it runs.
func TestCopyOfTheHosts(t *testing.T) {
	a := newAgent(t)
	config := a.config("sleep", "100")
	config.Image = ""
	if _, err := a.Launch(t.Context(), "job", config, containerizer.LaunchOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.copied("job", "/etc/hostname"); err != nil {
		t.Error(err)
	}
	if _, err := a.Destroy(context.Background(), "job"); err != nil {
		t.Fatal(err)
	}
	if _, err := a.copied("job", "/etc/hostname"); !errors.Is(err, mctr.ErrUnsupported) {
		t.Error(err)
	}
	a.remove("job")
}
