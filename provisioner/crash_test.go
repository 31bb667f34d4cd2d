package provisioner_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/failpoint"
	"github.com/mctr/mctr/provisioner"
	"github.com/mctr/mctr/provisioner/imagetest"
	"github.com/mctr/mctr/provisioner/store"
)

// child runs this test binary again with a point armed.
func child(t *testing.T, what, root, ref, points string) (*os.ProcessState, string) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), "MCTR_TEST_CHILD="+what, "MCTR_TEST_ROOT="+root, "MCTR_TEST_REF="+ref,
		failpoint.Env+"="+points)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState, string(out)
}

// mixed is an image with a layer of each kind: one that stands alone, one that
// needs its parents.
func mixed(t *testing.T) imagetest.Content {
	t.Helper()
	return imagetest.Build(t, imagetest.Spec{Layers: [][]byte{
		imagetest.Tar(t, imagetest.Dir("d", 0o711), imagetest.File("d/a", strings.Repeat("a", 1<<20))),
		imagetest.Tar(t, imagetest.File("d/b", strings.Repeat("b", 1<<20))),
	}})
}

// TestKilledAnywhere kills a process at each point of a pull and of a removal;
// the next pull converges, and a prune leaves only what is referred to.
func TestKilledAnywhere(t *testing.T) {
	removal := []string{store.PointUntag, store.PointSweep, store.PointTrash}
	for _, point := range store.Failpoints() {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			what := "lease"
			root := t.TempDir()
			ref := imagetest.NewRegistry(t).Push(t, "image", "v1", mixed(t))
			if slices.Contains(removal, point) {
				what = "remove"
				if state, out := child(t, "lease", root, ref, ""); !state.Success() {
					t.Fatal(out)
				}
				if err := os.Remove(filepath.Join(root, "images/leases/child")); err != nil {
					t.Fatal(err)
				}
			}
			state, out := child(t, what, root, ref, point+"=kill")
			if ws, ok := state.Sys().(syscall.WaitStatus); !ok || ws.Signal() != syscall.SIGKILL {
				t.Fatalf("the child was not killed at %s: %v\n%s", point, state, out)
			}
			converges(t, root, ref)
		})
	}
}

// converges wants a pull of the mixed image to succeed, whatever is in root, and
// a prune to leave nothing beside it.
func converges(t *testing.T, root, ref string) {
	t.Helper()
	ctx := context.Background()
	believed(t, root)
	p, err := provisioner.New(root, provisioner.WithHostsDirs())
	if err != nil {
		t.Fatal(err)
	}
	launch(t, p, ref, provisioner.MountOptions{}, func(target string) {
		wantFile(t, filepath.Join(target, "d/a"), strings.Repeat("a", 1<<20))
		wantFile(t, filepath.Join(target, "d/b"), strings.Repeat("b", 1<<20))
	})
	if err := p.Release("child"); err != nil {
		t.Error(err)
	}
	if _, err := p.Prune(ctx, provisioner.PruneOptions{}); err != nil {
		t.Error(err)
	}
	if left := storeFiles(t, root); len(left) != 4+2+1 { // blobs, layers, reference
		t.Errorf("after prune: %q", left)
	}
	if _, err := p.Remove(ctx, ref, false); err != nil {
		t.Error(err)
	}
	wantEmptyStore(t, root)
}

// believed checks that each blob that has its name is what the name says.
func believed(t *testing.T, root string) {
	t.Helper()
	blobs, err := filepath.Glob(filepath.Join(root, "images/blobs/sha256/*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blobs {
		data, err := os.ReadFile(b)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != filepath.Base(b) {
			t.Errorf("half a blob has a name: %s", b)
		}
	}
}

// TestInjectedFailures makes each step fail instead of killing it: an error,
// never a success, and the same convergence.
func TestInjectedFailures(t *testing.T) {
	for _, point := range store.Failpoints()[:11] {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			ref := imagetest.Layout(t, t.TempDir(), "", mixed(t))
			if state, out := child(t, "lease", root, ref, point+"=error"); state.ExitCode() != 1 ||
				!strings.Contains(out, point) {
				t.Fatalf("child: %v\n%s", state, out)
			}
			converges(t, root, ref)
		})
	}
}

// TestFullDisk pulls onto filesystems that are too small by different amounts.
func TestFullDisk(t *testing.T) {
	ref := imagetest.Layout(t, t.TempDir(), "", imagetest.Build(t, imagetest.Spec{Compress: "none", Layers: [][]byte{
		imagetest.Tar(t, imagetest.Dir("d", 0o711), imagetest.File("d/a", strings.Repeat("a", 1<<20))),
		imagetest.Tar(t, imagetest.File("d/b", strings.Repeat("b", 1<<20))),
	}}))
	for _, kib := range []int{16, 64, 900, 1500, 2500, 3600} {
		t.Run(fmt.Sprint(kib, "KiB"), func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			if err := unix.Mount("tmpfs", root, "tmpfs", 0, fmt.Sprintf("size=%dk", kib)); err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := unix.Unmount(root, unix.MNT_DETACH); err != nil {
					t.Error(err)
				}
			}()
			p, err := provisioner.New(root, provisioner.WithHostsDirs())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Lease(context.Background(), "c1", ref,
				provisioner.PullOptions{}); !errors.Is(err, unix.ENOSPC) {
				t.Fatalf("%v; want ENOSPC", err)
			}
			wantEmptyStore(t, root)
			if err := unix.Mount("", root, "", unix.MS_REMOUNT, "size=64m"); err != nil {
				t.Fatal(err)
			}
			converges(t, root, ref)
		})
	}
}

// TestDamage: what is lost or damaged in the store is noticed and made anew.
func TestDamage(t *testing.T) {
	ctx := context.Background()
	damage := map[string]func(images string) error{
		"a layer's directory is gone": func(images string) error { return removeOne(images, "layers/diff-*") },
		"a layer's record is gone": func(images string) error {
			return removeOne(images, "layers/chain-*/layer.json")
		},
		"the record is empty": func(images string) error { return truncateAll(images, "refs/*") },
		"blobs and layers are torn": func(images string) error {
			return errors.Join(truncateAll(images, "blobs/sha256/*"), removeOne(images, "layers/diff-*"))
		},
		"all blobs are gone": func(images string) error { return os.RemoveAll(filepath.Join(images, "blobs")) },
	}
	for name, harm := range damage {
		t.Run(name, func(t *testing.T) {
			p, root := newProvisioner(t)
			ref := imagetest.Layout(t, t.TempDir(), "", mixed(t))
			if _, err := p.Pull(ctx, ref, provisioner.PullOptions{}); err != nil {
				t.Fatal(err)
			}
			if err := harm(filepath.Join(root, "images")); err != nil {
				t.Fatal(err)
			}
			launch(t, p, ref, provisioner.MountOptions{}, func(target string) {
				wantFile(t, filepath.Join(target, "d/a"), strings.Repeat("a", 1<<20))
				wantFile(t, filepath.Join(target, "d/b"), strings.Repeat("b", 1<<20))
			})
		})
	}
}

func removeOne(dir, pattern string) error {
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(found) == 0 {
		return fmt.Errorf("nothing at %s: %w", pattern, err)
	}
	return os.RemoveAll(found[0])
}

func truncateAll(dir, pattern string) error {
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(found) == 0 {
		return fmt.Errorf("nothing at %s: %w", pattern, err)
	}
	for _, f := range found {
		if err := os.Truncate(f, 0); err != nil {
			return err
		}
	}
	return nil
}
