package copy

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mctr/mctr/provisioner/backend"
	"github.com/mctr/mctr/provisioner/backend/backendtest"
	"github.com/mctr/mctr/provisioner/backend/overlay"
)

func TestConformance(t *testing.T) { backendtest.Run(t, New) }

// TestHoles: a sparse file stays sparse and complete.
func TestHoles(t *testing.T) {
	dir := t.TempDir()
	src, dst := filepath.Join(dir, "src"), filepath.Join(dir, "dst")
	f, err := os.Create(src)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int64{0, 10 << 20, 64 << 20} {
		if _, err := f.WriteAt([]byte(strings.Repeat("x", 8192)), at); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Truncate(100 << 20); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := copyFile(context.Background(), src, dst, 100<<20); err != nil {
		t.Fatal(err)
	}
	a, err1 := os.ReadFile(src)
	b, err2 := os.ReadFile(dst)
	if err1 != nil || err2 != nil || string(a) != string(b) {
		t.Errorf("the copy differs: %v %v", err1, err2)
	}
	info, err := os.Stat(dst)
	if err != nil {
		t.Fatal(err)
	}
	if used := info.Sys().(*syscall.Stat_t).Blocks * 512; used > 1<<20 {
		t.Errorf("the copy of three blocks takes %d bytes", used)
	}
}

// TestCancelled: a cancelled copy leaves nothing behind.
func TestCancelled(t *testing.T) {
	dir := t.TempDir()
	layer := filepath.Join(dir, "layer")
	if err := os.MkdirAll(filepath.Join(layer, "a/b"), 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	m := backend.Mount{Lowers: []backend.Lower{{Dir: layer}}, RW: filepath.Join(dir, "rw"),
		Target: filepath.Join(dir, "target")}
	if err := New().Mount(ctx, m); err == nil {
		t.Error("a cancelled copy succeeded")
	}
	if left, err := os.ReadDir(m.RW); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestRootedCapabilities(t *testing.T) {
	v2 := append([]byte{1, 0, 0, 2}, make([]byte, 16)...)
	v3 := rebaseCapability(v2, 0x01020304)
	if len(v3) != 24 || v3[3] != 3 || string(v3[20:]) != "\x04\x03\x02\x01" {
		t.Errorf("revision 2 became %v", v3)
	}
	if got := rebaseCapability(v3, 7); string(got) != string(v3) {
		t.Errorf("revision 3 was changed to %v", got)
	}
}

// TestReplaced copies a directory that a layer replaced out of a mounted overlay. The kernel
// reports a longer list of attributes for it than it shows.
func TestReplaced(t *testing.T) {
	dir := t.TempDir()
	var lowers []backend.Lower
	for _, layer := range []string{"old", "new"} {
		if err := os.MkdirAll(filepath.Join(dir, layer, "data", layer), 0o755); err != nil {
			t.Fatal(err)
		}
		lowers = append(lowers, backend.Lower{Dir: filepath.Join(dir, layer)})
	}
	if err := syscall.Setxattr(filepath.Join(dir, "new", "data"), "trusted.overlay.opaque", []byte("y"),
		0); err != nil {
		t.Fatal(err)
	}
	mounted := backend.Mount{Lowers: lowers, RW: filepath.Join(dir, "rw"), Target: filepath.Join(dir, "target")}
	if err := overlay.New().Mount(context.Background(), mounted); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := overlay.New().Unmount(context.Background(), mounted.RW, mounted.Target); err != nil {
			t.Error(err)
		}
	}()
	to := filepath.Join(dir, "copy")
	if err := os.Mkdir(to, 0o700); err != nil {
		t.Fatal(err)
	}
	from := backend.Lower{Dir: filepath.Join(mounted.Target, "data"), Root: true}
	if err := Apply(context.Background(), []backend.Lower{from}, to, nil); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(to); err != nil || len(entries) != 1 || entries[0].Name() != "new" {
		t.Errorf("the copy holds %v, %v", entries, err)
	}
}

// TestGivenUp: a copy of one large file also ends with its context.
func TestGivenUp(t *testing.T) {
	dir := t.TempDir()
	src := filepath.Join(dir, "src")
	f, err := os.Create(src)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt([]byte("x"), 0)
	if err := errors.Join(err, f.Truncate(1<<40), f.Close()); err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(src)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(filepath.Join(dir, "dst"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := copyData(ctx, in, out, 1<<40); !errors.Is(err, context.Canceled) {
		t.Errorf("a copy that was given up: %v", err)
	}
}
