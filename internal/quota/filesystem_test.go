package quota

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/helper"
	"github.com/mctr/mctr/internal/leakcheck"
	"github.com/mctr/mctr/internal/ownthread"
)

// A fixture is a store on a filesystem of one kind.
type fixture struct {
	means  Means
	full   error // what a writer gets
	df     bool  // statfs(2) shows the limit
	inodes bool  // they can be limited
	adopts bool  // a directory with content
	store  *Store
}

// fixtures are the means to test. The kernel lacks one of them if it was built without option.
var fixtures = map[Means]struct {
	fixture
	option string
	make   []string // the program that makes the filesystem
	mount  string   // options
	size   int64
}{
	Ext4: {fixture{full: unix.EDQUOT, df: true, inodes: true, adopts: true}, "CONFIG_QFMT_V2",
		[]string{"mkfs.ext4", "-q", "-F", "-O", "project,quota"}, "prjquota", 128 << 20},
	XFS: {fixture{full: unix.ENOSPC, df: true, inodes: true, adopts: true}, "CONFIG_XFS_QUOTA",
		[]string{"mkfs.xfs", "-q"}, "prjquota", 320 << 20},
	Btrfs: {fixture{full: unix.EDQUOT}, "CONFIG_BTRFS_FS",
		[]string{"mkfs.btrfs", "-q", "-m", "single"}, "", 256 << 20},
	Loop: {fixture{full: unix.ENOSPC, df: true, inodes: true}, "CONFIG_BLK_DEV_LOOP",
		[]string{"mkfs.ext4", "-q", "-F"}, "", 512 << 20},
}

// newFixture makes a filesystem and a store on it. It checks at the end of the test that mounts, loop
// devices and processes are as before.
func newFixture(t *testing.T, means Means) *fixture {
	t.Helper()
	f := fixtures[means]
	skipWithout(t, f.option)
	base := t.TempDir()
	leaks := leakcheck.Snapshot(t, leakcheck.Scope{Names: []string{base},
		Kinds: []leakcheck.Kind{leakcheck.Mount, leakcheck.Loop, leakcheck.Process, leakcheck.File}})
	t.Cleanup(leaks.Check)
	disk := filepath.Join(base, "disk")
	mountNew(t, filepath.Join(base, "file"), disk, f.size, f.mount, f.make)
	dir := filepath.Join(disk, "containers")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	f.means = means
	f.store = Open(Config{Dir: dir, Records: filepath.Join(base, "records"), EnableQuota: true,
		Helper: &helper.Runner{Helper: "/proc/self/exe"}})
	f.store.projects = filepath.Join(base, "projects")
	return &f.fixture
}

// mountNew makes a filesystem in a file and mounts it until the end of the test.
func mountNew(t *testing.T, file, at string, size int64, options string, program []string) {
	t.Helper()
	if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Truncate(file, size), os.Mkdir(at, 0o755)); err != nil {
		t.Fatal(err)
	}
	command(t, append(program, file)...)
	command(t, "mount", "-o", "loop,"+options, file, at)
	t.Cleanup(func() {
		command(t, "umount", at)
		must(t, patiently(func() error { return waitDetached(context.WithoutCancel(t.Context()), file) }))
	})
}

// patiently repeats f for up to 30 seconds while something is in use: a process that makes a mount
// namespace meanwhile, anywhere on this machine, holds all mounts for a moment.
func patiently(f func() error) error {
	for end := time.Now().Add(30 * time.Second); ; {
		if err := f(); !errors.Is(err, mctr.ErrState) || time.Now().After(end) {
			return err
		}
	}
}

func command(t *testing.T, argv ...string) {
	t.Helper()
	if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", strings.Join(argv, " "), err, out)
	}
}

// skipWithout skips the test if the kernel's configuration proves that the kernel was built without
// the option. If the configuration is unknown, the test runs.
func skipWithout(t *testing.T, option string) {
	t.Helper()
	f, err := os.Open("/proc/config.gz")
	if errors.Is(err, os.ErrNotExist) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(text); lines.Scan(); {
		if lines.Text() == "# "+option+" is not set" {
			t.Skipf("this kernel was built without %s (the virtual machine has it)", option)
		}
	}
}

// limited makes a limited directory, mounted, which is removed at the end of the test.
func (f *fixture) limited(t *testing.T, name string, l Limits) string {
	t.Helper()
	dir := filepath.Join(f.store.Dir, name)
	must(t, f.store.Make(t.Context(), dir, "test", l), f.store.Mount(t.Context(), dir))
	t.Cleanup(func() { f.removed(t, dir) })
	return dir
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// removed removes dir and wants nothing left of it.
func (f *fixture) removed(t *testing.T, dir string) {
	t.Helper()
	s := Open(f.store.Config)
	ctx := context.WithoutCancel(t.Context()) // which ends before clean-up
	for range 2 {
		if err := patiently(func() error { return s.Remove(ctx, dir) }); err != nil {
			t.Error(err)
		}
	}
	for _, path := range []string{
		dir, imageOf(dir), imageOf(dir) + ".new", s.path(dir, ".json"), s.path(dir, ".lock"),
	} {
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left: %v", path, err)
		}
	}
	list, err := s.List(ctx)
	if err != nil {
		t.Error(err)
	}
	for _, r := range list {
		if r.Dir == dir || r.State == Orphaned {
			t.Errorf("left in the list: %+v", r)
		}
	}
}

// fill writes to a file until an error, as a process without CAP_SYS_RESOURCE, and returns how much
// it wrote.
func fill(path string) (written int64, err error) {
	err = unprivileged(func() error {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return err
		}
		defer f.Close()
		for data := make([]byte, 64<<10); ; {
			n, err := f.Write(data)
			written += int64(n)
			if err == nil && written%(1<<20) == 0 {
				err = f.Sync() // a filesystem may notice a full disk only when it allocates
			}
			if err != nil {
				return err
			}
			if written > 1<<30 {
				return errors.New("no limit")
			}
		}
	})
	return written, err
}

// create makes empty files until an error, and returns how many.
func create(dir string) (made int, err error) {
	err = unprivileged(func() error {
		for ; made < 100_000; made++ {
			f, err := os.CreateTemp(dir, "f")
			if err != nil {
				return err
			}
			_ = f.Close()
		}
		return errors.New("no limit")
	})
	return made, err
}

// unprivileged runs f on a thread without CAP_SYS_RESOURCE, which ext4 does not limit.
func unprivileged(f func() error) error {
	return ownthread.Run(0, func() error {
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var data [2]unix.CapUserData
		if err := unix.Capget(&header, &data[0]); err != nil {
			return err
		}
		data[0].Effective &^= 1 << unix.CAP_SYS_RESOURCE
		if err := unix.Capset(&header, &data[0]); err != nil {
			return err
		}
		return f()
	})
}

func write(t *testing.T, path string, size int64) {
	t.Helper()
	f, err := os.Create(path)
	if err == nil {
		_, err = io.CopyN(f, zeros{}, size)
		err = errors.Join(err, f.Sync(), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
