package overlay

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/provisioner/backend"
	"github.com/mctr/mctr/provisioner/backend/backendtest"
)

func TestConformance(t *testing.T) {
	backendtest.Run(t, New)
}

// TestConformanceOld runs the suite with the system call for older kernels.
func TestConformanceOld(t *testing.T) {
	backendtest.Run(t, func() backend.Backend {
		return driver{mount: func(s stack) error {
			if s.ids != nil {
				return mountMapped(s)
			}
			return mountOld(s)
		}}
	})
}

// TestOldPage: if one page limits the layers, too many are refused with the reason, and fewer are
// mounted.
func TestOldPage(t *testing.T) {
	old := driver{mount: mountOld}
	for n, ok := range map[int]bool{150: true, 400: false} {
		dir := t.TempDir()
		m := backend.Mount{RW: filepath.Join(dir, "rw"), Target: filepath.Join(dir, "target")}
		for i := range n {
			l := filepath.Join(dir, fmt.Sprintf("a-layer-with-a-long-name-%d", i))
			if err := os.Mkdir(l, 0o755); err != nil {
				t.Fatal(err)
			}
			m.Lowers = append(m.Lowers, backend.Lower{Dir: l})
		}
		err := old.Mount(context.Background(), m)
		if ok != (err == nil) || !ok && !errors.Is(err, mctr.ErrUnsupported) {
			t.Errorf("%d layers: %v", n, err)
		}
		if err := old.Unmount(context.Background(), m.RW, m.Target); err != nil {
			t.Error(err)
		}
	}
}

// TestUnsupported: a filesystem that does not support an upper directory is reported by the
// sentinel, so that another backend can be used.
func TestUnsupported(t *testing.T) {
	dir := t.TempDir()
	m := backend.Mount{RW: filepath.Join(dir, "rw"), Target: filepath.Join(dir, "outer")}
	b := New()
	ctx := context.Background()
	if err := b.Mount(ctx, m); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.Unmount(ctx, m.RW, m.Target); err != nil {
			t.Error(err)
		}
	}()
	inner := backend.Mount{RW: filepath.Join(m.Target, "rw"), Target: filepath.Join(dir, "inner")}
	err := b.Mount(ctx, inner)
	if !errors.Is(err, mctr.ErrUnsupported) {
		t.Errorf("upper directory on an overlay: %v, want ErrUnsupported", err)
	}
	if err := b.Unmount(ctx, inner.RW, inner.Target); err != nil {
		t.Error(err)
	}
}
