package backendtest_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/provisioner/backend"
	"github.com/mctr/mctr/provisioner/backend/backendtest"
	"github.com/mctr/mctr/provisioner/backend/overlay"
)

// broken is overlay with one method replaced.
type broken struct {
	backend.Backend
	mount   func(context.Context, backend.Mount) error
	unmount func(ctx context.Context, rw, target string) error
}

func (b broken) Mount(ctx context.Context, m backend.Mount) error {
	if b.mount != nil {
		return b.mount(ctx, m)
	}
	return b.Backend.Mount(ctx, m)
}

func (b broken) Unmount(ctx context.Context, rw, target string) error {
	if b.unmount != nil {
		return b.unmount(ctx, rw, target)
	}
	return b.Backend.Unmount(ctx, rw, target)
}

// TestSuiteFailsBroken: each broken backend fails the check made for it.
func TestSuiteFailsBroken(t *testing.T) {
	good := overlay.New()
	cases := []struct {
		name, fails string
		b           backend.Backend
	}{
		{"binds the topmost layer", "layers are not changed",
			broken{Backend: good, mount: func(_ context.Context, m backend.Mount) error {
				if err := os.MkdirAll(m.Target, 0o755); err != nil || len(m.Lowers) == 0 {
					return err
				}
				return unix.Mount(m.Lowers[len(m.Lowers)-1].Dir, m.Target, "", unix.MS_BIND, "")
			}}},
		{"leaves the mount", "layers are merged",
			broken{Backend: good, unmount: func(context.Context, string, string) error { return nil }}},
		{"unmounts once only", "unmount twice",
			broken{Backend: good, unmount: func(_ context.Context, _, target string) error {
				return unix.Unmount(target, unix.MNT_DETACH)
			}}},
		{"throws data away", "data outlives an unmount",
			broken{Backend: good, unmount: func(ctx context.Context, rw, target string) error {
				if err := good.Unmount(ctx, rw, target); err != nil {
					return err
				}
				return os.RemoveAll(filepath.Join(rw, "upper"))
			}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			failed := map[string]bool{}
			for _, name := range backendtest.Failures(t.TempDir(), c.b) {
				failed[name] = true
			}
			if !failed[c.fails] {
				t.Errorf("the suite did not fail it for %q: %v", c.fails, failed)
			}
		})
	}
	if failed := backendtest.Failures(t.TempDir(), good); len(failed) > 0 {
		t.Errorf("the suite fails a good backend: %q", failed)
	}
}
