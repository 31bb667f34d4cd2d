package quota

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
)

// Each means passes the same tests.
func TestExt4(t *testing.T)  { conformance(t, Ext4) }
func TestXFS(t *testing.T)   { conformance(t, XFS) }
func TestBtrfs(t *testing.T) { conformance(t, Btrfs) }
func TestLoop(t *testing.T)  { conformance(t, Loop) }

const size = 16 << 20

func conformance(t *testing.T, means Means) {
	f := newFixture(t, means)
	type test struct {
		name string
		test func(t *testing.T, f *fixture)
	}
	tests := []test{
		{"means", testMeans},
		{"bytes", testBytes},
		{"inodes", testInodes},
		{"overlay", testOverlay},
		{"make", testMake},
		{"refused", testRefused},
		{"usage", testUsage},
		{"change", testChange},
		{"adopt", testAdopt},
		{"remove", testRemove},
		{"at once", testAtOnce},
		{"list", testList},
		{"kill", testKill},
		{"fail", testFail},
	}
	if means == Ext4 || means == XFS {
		tests = append(tests, test{"held open", testHeldOpen}, test{"privileged", testPrivileged})
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) { c.test(t, f) })
	}
}

func testMeans(t *testing.T, f *fixture) {
	got, err := f.store.Means(t.Context())
	if err != nil || got != f.means {
		t.Fatalf("%q, %v; want %q", got, err, f.means)
	}
	for _, want := range []Means{Ext4, XFS, Btrfs, Loop} {
		config := f.store.Config
		config.Means = want
		got, err := Open(config).Means(t.Context())
		if possible := want == f.means || want == Loop; possible && (err != nil || got != want) {
			t.Errorf("%s: %q, %v", want, got, err)
		} else if !possible && !errors.Is(err, mctr.ErrUnsupported) {
			t.Errorf("%s: %q, %v; want it refused", want, got, err)
		}
	}
	config := f.store.Config
	if config.Means = "zfs"; !errors.Is(second(Open(config).Means(t.Context())), mctr.ErrInvalid) {
		t.Error("means zfs was accepted")
	}
	config.Means, config.Helper, config.EnableQuota = Loop, nil, false
	if _, err := Open(config).Means(t.Context()); !errors.Is(err, mctr.ErrUnsupported) {
		t.Errorf("loop without a helper: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

// testBytes: a writer cannot exceed the limit, and df shows it.
func testBytes(t *testing.T, f *fixture) {
	dir := f.limited(t, "bytes", Limits{Bytes: size})
	if total := totalOf(t, dir); f.df && (total > size || total < size/2) {
		t.Errorf("df shows %d, want at most %d", total, size)
	}
	written, err := fill(filepath.Join(dir, "file"))
	if !errors.Is(err, f.full) || written > size || written < size/2 {
		t.Errorf("wrote %d of %d: %v, want %v", written, size, err, f.full)
	}
	if err := os.Remove(filepath.Join(dir, "file")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "again"), 1<<20)
	write(t, filepath.Join(f.store.Dir, "beside"), size+1)
	if err := os.Remove(filepath.Join(f.store.Dir, "beside")); err != nil {
		t.Error(err)
	}
}

func totalOf(t *testing.T, dir string) int64 {
	t.Helper()
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		t.Fatal(err)
	}
	return int64(st.Blocks) * st.Bsize
}

func testInodes(t *testing.T, f *fixture) {
	limits := Limits{Bytes: size, Inodes: 100}
	if !f.inodes {
		err := f.store.Make(t.Context(), filepath.Join(f.store.Dir, "inodes"), "test", limits)
		if !errors.Is(err, mctr.ErrUnsupported) || !strings.Contains(err.Error(), "inodes") {
			t.Errorf("%v, want it refused by name", err)
		}
		f.removed(t, filepath.Join(f.store.Dir, "inodes"))
		return
	}
	dir := f.limited(t, "inodes", limits)
	made, err := create(dir)
	if !errors.Is(err, f.full) || made < 80 || made > 116 {
		t.Errorf("made %d files: %v, want 99 and %v", made, err, f.full)
	}
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil || st.Files < 90 || st.Files > 130 || st.Ffree != 0 {
		t.Errorf("df shows %d files, %d free, %v", st.Files, st.Ffree, err)
	}
}

// testOverlay limits a container: upper and work directory are in one limited directory, and files
// are renamed between both.
func testOverlay(t *testing.T, f *fixture) {
	dir := f.limited(t, "overlay", Limits{Bytes: size})
	lower, merged := t.TempDir(), t.TempDir()
	for _, d := range []string{dir + "/upper", dir + "/work", lower + "/sub"} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, lower+"/sub/file", 1<<20)
	write(t, lower+"/deleted", 10)
	options := "lowerdir=" + lower + ",upperdir=" + dir + "/upper,workdir=" + dir + "/work"
	must(t, unix.Mount("overlay", merged, "overlay", 0, options))
	t.Cleanup(func() {
		if err := unix.Unmount(merged, 0); err != nil {
			t.Error(err)
		}
	})
	if total := totalOf(t, merged); f.df && (total > size || total < size/2) {
		t.Errorf("df shows %d, want at most %d", total, size)
	}
	must(t, os.Chmod(merged+"/sub/file", 0o600), // copied up by way of the work directory
		os.Remove(merged+"/deleted"), os.Mkdir(merged+"/deleted", 0o755), os.Remove(merged+"/deleted"),
		os.Mkdir(merged+"/new", 0o755), os.Rename(merged+"/sub/file", merged+"/new/file"))
	written, err := fill(merged + "/new/file")
	if !errors.Is(err, f.full) || written > size || written < size/4 {
		t.Errorf("wrote %d of %d: %v, want %v", written, size, err, f.full)
	}
}

func testMake(t *testing.T, f *fixture) {
	dir := f.limited(t, "make", Limits{Bytes: size})
	must(t, os.Chmod(dir, 0o751), os.Chown(dir, 1, 2), os.WriteFile(dir+"/file", nil, 0o600))
	must(t, f.store.Make(t.Context(), dir, "test", Limits{Bytes: size}), f.store.Mount(t.Context(), dir))
	for owner, limits := range map[string]Limits{"other": {Bytes: size}, "test": {Bytes: 2 * size}} {
		if err := f.store.Make(t.Context(), dir, owner, limits); !errors.Is(err, mctr.ErrExists) {
			t.Errorf("made for %s with %s: %v", owner, limits, err)
		}
	}
	must(t, f.store.Unmount(t.Context(), dir), f.store.Unmount(t.Context(), dir), f.store.Mount(t.Context(), dir))
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil || st.Uid != 1 || st.Gid != 2 || st.Mode&0o777 != 0o751 {
		t.Errorf("owner and mode are %d:%d %o, %v", st.Uid, st.Gid, st.Mode, err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("it has %v, %v", entries, err)
	}
}

func testRefused(t *testing.T, f *fixture) {
	link := filepath.Join(f.store.Dir, "link")
	must(t, os.Symlink(t.TempDir(), link), os.WriteFile(filepath.Join(f.store.Dir, "file"), nil, 0o600))
	mounted := filepath.Join(f.store.Dir, "mounted")
	must(t, os.Mkdir(mounted, 0o755), unix.Mount("none", mounted, "tmpfs", 0, ""))
	defer func() { must(t, unix.Unmount(mounted, 0), os.Remove(mounted)) }()
	for _, c := range []struct {
		dir    string
		owner  string
		limits Limits
		want   error
	}{
		{"x", "test", Limits{}, mctr.ErrInvalid},
		{"x", "test", Limits{Bytes: -1}, mctr.ErrInvalid},
		{"x", "test", Limits{Bytes: 4095}, mctr.ErrInvalid},
		{"x", "test", Limits{Bytes: size, Inodes: -1}, mctr.ErrInvalid},
		{"x", "", Limits{Bytes: size}, mctr.ErrInvalid},
		{"../x", "test", Limits{Bytes: size}, mctr.ErrInvalid},
		{".", "test", Limits{Bytes: size}, mctr.ErrInvalid},
		{"link", "test", Limits{Bytes: size}, mctr.ErrInvalid},
		{"link/x", "test", Limits{Bytes: size}, mctr.ErrInvalid},
		{"file", "test", Limits{Bytes: size}, mctr.ErrInvalid},
		{"no/such", "test", Limits{Bytes: size}, fs.ErrNotExist},
		{"mounted", "test", Limits{Bytes: size}, mctr.ErrState},
		{"mounted/x", "test", Limits{Bytes: size}, mctr.ErrInvalid},
	} {
		err := f.store.Make(t.Context(), filepath.Join(f.store.Dir, c.dir), c.owner, c.limits)
		if !errors.Is(err, c.want) {
			t.Errorf("%s for %q with %+v: %v, want %v", c.dir, c.owner, c.limits, err, c.want)
		}
	}
	must(t, os.Remove(link), os.Remove(filepath.Join(f.store.Dir, "file")))
	missing := filepath.Join(f.store.Dir, "missing")
	for verb, err := range map[string]error{
		"mount":   f.store.Mount(t.Context(), missing),
		"unmount": f.store.Unmount(t.Context(), missing),
		"change":  f.store.Change(t.Context(), missing, Limits{Bytes: size}),
		"usage":   second(f.store.Usage(t.Context(), missing)),
	} {
		if !errors.Is(err, mctr.ErrNotFound) {
			t.Errorf("%s of a directory without limits: %v", verb, err)
		}
	}
	entries, err := os.ReadDir(f.store.Records)
	for _, e := range entries {
		if e.Name() != "ids.lock" {
			t.Errorf("%s is left, %v", e.Name(), err)
		}
	}
}

func testUsage(t *testing.T, f *fixture) {
	dir := f.limited(t, "usage", Limits{Bytes: size})
	before, err := f.store.Usage(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		write(t, fmt.Sprintf("%s/%d", dir, i), 300_000)
	}
	unix.Sync() // btrfs counts when it commits
	after, err := f.store.Usage(t.Context(), dir)
	if grown := after.Bytes - before.Bytes; err != nil || grown < 3_000_000 || grown > 3_500_000 {
		t.Errorf("usage grew by %d bytes, %v", grown, err)
	}
	if grown := after.Inodes - before.Inodes; f.inodes && (grown != 10 || before.Inodes != 1) {
		t.Errorf("usage grew by %d inodes from %d", grown, before.Inodes)
	}
	if l := after.Limits.Bytes; l != size && (f.means != Loop || l < size/2 || l > size) {
		t.Errorf("the limit is %d", l)
	}
	if f.means == Loop { // also while it is not mounted
		must(t, f.store.Unmount(t.Context(), dir))
		if u, err := f.store.Usage(t.Context(), dir); err != nil || u.Bytes < after.Bytes || u.Inodes != after.Inodes {
			t.Errorf("unmounted: %+v, %v; mounted: %+v", u, err, after)
		}
	}
}

func testChange(t *testing.T, f *fixture) {
	dir := f.limited(t, "change", Limits{Bytes: size})
	change := func(to int64) error {
		must(t, f.store.Unmount(t.Context(), dir))
		err := f.store.Change(t.Context(), dir, Limits{Bytes: to})
		must(t, f.store.Mount(t.Context(), dir))
		return err
	}
	must(t, change(4*size))
	write(t, filepath.Join(dir, "file"), 2*size)
	if err := change(size); !errors.Is(err, mctr.ErrState) || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a shrink below what is in use: %v", err)
	}
	must(t, change(4*size)) // the same again
	must(t, change(3*size))
	written, err := fill(filepath.Join(dir, "rest"))
	if !errors.Is(err, f.full) || written > size || written < size/4 {
		t.Errorf("wrote %d: %v, want %v", written, err, f.full)
	}
	info, err := os.Stat(filepath.Join(dir, "file"))
	if err != nil || info.Size() != 2*size {
		t.Errorf("the file changed: %v, %v", info, err)
	}
	if err := f.store.Make(t.Context(), dir, "test", Limits{Bytes: 3 * size}); err != nil {
		t.Error(err)
	}
	if err := f.store.Change(t.Context(), dir, Limits{}); !errors.Is(err, mctr.ErrInvalid) {
		t.Errorf("no limits: %v", err)
	}
}

// testAdopt limits a directory with content.
func testAdopt(t *testing.T, f *fixture) {
	dir := filepath.Join(f.store.Dir, "adopt")
	must(t, os.MkdirAll(dir+"/a/b", 0o755))
	write(t, dir+"/a/b/file", 1<<20)
	if !f.adopts {
		if err := f.store.Make(t.Context(), dir, "test", Limits{Bytes: size}); !errors.Is(err, mctr.ErrState) &&
			!errors.Is(err, unix.ENOTEMPTY) {
			t.Errorf("it has content: %v", err)
		}
		must(t, f.store.Remove(t.Context(), dir))
		if _, err := os.Stat(dir + "/a/b/file"); err != nil {
			t.Error("the content is gone: ", err)
		}
		must(t, os.RemoveAll(dir), os.Mkdir(dir, 0o711))
		f.limited(t, "adopt", Limits{Bytes: size})
		return
	}
	must(t, os.Link(dir+"/a/b/file", dir+"/a/hard"), os.Symlink("/etc", dir+"/a/link"),
		unix.Mknod(dir+"/a/whiteout", unix.S_IFCHR, 0), unix.Mkfifo(dir+"/a/fifo", 0o600))
	if err := f.store.Make(t.Context(), dir, "test", Limits{Bytes: 1 << 19}); !errors.Is(err, mctr.ErrState) &&
		!errors.Is(err, f.full) {
		t.Errorf("it holds more than the limit: %v", err)
	}
	if got := projectsOf(t, dir); !slices.Equal(got, []uint32{0}) {
		t.Errorf("projects %v after a Make that failed", got)
	}
	for _, point := range []string{"quota/intent", "quota/limits", "quota/assigned"} {
		job{f.store.Config, "make", dir, Limits{Bytes: size}}.killAt(t, point)
		must(t, f.store.Remove(t.Context(), dir))
		if _, err := os.Stat(dir + "/a/b/file"); err != nil || !slices.Equal(projectsOf(t, dir), []uint32{0}) {
			t.Errorf("the content was not kept: %v, %v", err, projectsOf(t, dir))
		}
	}
	f.limited(t, "adopt", Limits{Bytes: size, Inodes: 50})
	if got := projectsOf(t, dir); len(got) != 1 || got[0] == 0 {
		t.Errorf("projects %v, want one", got)
	}
	u, err := f.store.Usage(t.Context(), dir)
	if err != nil || u.Inodes != 7 || u.Bytes < 1<<20 {
		t.Errorf("%+v, %v", u, err)
	}
	must(t, os.Mkdir(dir+"/a/c", 0o755), os.Rename(dir+"/a/b/file", dir+"/a/c/file"))
	for _, special := range []string{"link", "whiteout", "fifo"} {
		if err := os.Rename(dir+"/a/"+special, dir+"/a/c/"+special); err != nil {
			t.Errorf("EXDEV trap: %v", err)
		}
	}
	if written, err := fill(dir + "/a/c/file"); !errors.Is(err, f.full) || written > size {
		t.Errorf("wrote %d: %v", written, err)
	}
}

// testRemove: a mount below survives, with everything that is on it, and so does another directory
// in the place of the limited one.
func testRemove(t *testing.T, f *fixture) {
	dir := f.limited(t, "remove", Limits{Bytes: size})
	precious := t.TempDir()
	write(t, precious+"/data", 10)
	must(t, os.MkdirAll(dir+"/a/volume", 0o755), os.WriteFile(dir+"/a/file", nil, 0o600),
		unix.Mount(precious, dir+"/a/volume", "", unix.MS_BIND, ""))
	err := f.store.Remove(t.Context(), dir)
	if !errors.Is(err, mctr.ErrState) || !strings.Contains(err.Error(), dir+"/a/volume") {
		t.Errorf("%v, want an error that names the mount", err)
	}
	for _, path := range []string{precious + "/data", dir + "/a/volume/data", dir + "/a/file"} {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
	must(t, unix.Unmount(dir+"/a/volume", 0))
	if f.means == Loop {
		return
	}
	makers := map[string]func() error{"directory": func() error { return os.Mkdir(dir, 0o755) }}
	if f.means == Btrfs {
		makers["subvolume"] = func() error {
			return exec.Command("btrfs", "subvolume", "create", dir).Run()
		}
	}
	for kind, make := range makers {
		must(t, os.Rename(dir, dir+".aside"), make(), os.WriteFile(dir+"/other", nil, 0o600))
		if err := f.store.Remove(t.Context(), dir); !errors.Is(err, mctr.ErrState) {
			t.Errorf("another %s is in its place: %v", kind, err)
		}
		must(t, os.Remove(dir+"/other"), os.Remove(dir), os.Rename(dir+".aside", dir))
	}
}

// testAtOnce: processes that limit the same directory and others at once agree on records and ids.
func testAtOnce(t *testing.T, f *fixture) {
	const processes = 6
	var all sync.WaitGroup
	dirs := []string{filepath.Join(f.store.Dir, "shared")}
	for i := range processes {
		dirs = append(dirs, filepath.Join(f.store.Dir, fmt.Sprint("own", i)))
		own := []string{dirs[0], dirs[len(dirs)-1]}
		all.Go(func() {
			for _, dir := range own {
				for _, verb := range []string{"make", "mount"} {
					cmd := job{f.store.Config, verb, dir, Limits{Bytes: size}}.command(t, "")
					if err := cmd.Run(); err != nil {
						t.Errorf("%s %s: %v: %s", verb, dir, err, cmd.Stderr)
					}
				}
			}
		})
	}
	all.Wait()
	list, err := f.store.List(t.Context())
	if err != nil || len(list) != len(dirs) {
		t.Errorf("%d records of %d, %v", len(list), len(dirs), err)
	}
	ids := map[uint64]bool{}
	for _, r := range list {
		ids[uint64(r.ID)+r.Subvolume] = true
		if f.means == Loop {
			ids[uint64(len(ids))+1] = true
		}
		if r.State != Ready {
			t.Errorf("%+v", r)
		}
	}
	if len(ids) < len(list) {
		t.Errorf("%d ids of %d directories", len(ids), len(list))
	}
	for _, dir := range dirs {
		all.Go(func() { f.removed(t, dir) })
	}
	all.Wait()
}

// testList finds what lost its record.
func testList(t *testing.T, f *fixture) {
	dir := f.limited(t, "list", Limits{Bytes: size})
	record, err := f.store.load(dir)
	must(t, err)
	list, err := f.store.List(t.Context())
	if err != nil || len(list) != 1 || list[0] != *record || record.Owner != "test" || record.Means != f.means {
		t.Fatalf("%+v, %v", list, err)
	}
	if record.ID == 0 {
		return
	}
	path := f.store.path(dir, ".json")
	must(t, os.Rename(path, path+".lost"))
	list, err = f.store.List(t.Context())
	if err != nil || len(list) != 1 || list[0].State != Orphaned || list[0].ID != record.ID {
		t.Errorf("%+v, %v", list, err)
	}
	if err := f.store.Free(t.Context(), record.ID); !errors.Is(err, mctr.ErrState) {
		t.Errorf("freed an id that a directory has: %v", err)
	}
	for name, taken := range map[string]error{
		"by the kernel":    nil,
		"by /etc/projects": os.WriteFile(f.store.projects, fmt.Appendf(nil, "%d:/other\n", record.ID+1), 0o600),
	} {
		other := f.limited(t, "other", Limits{Bytes: size})
		r, err := f.store.load(other)
		if taken != nil || err != nil || r.ID != record.ID+2 {
			t.Errorf("%s: %+v, %v, %v", name, r, err, taken)
		}
		must(t, f.store.Remove(t.Context(), other))
	}
	must(t, os.Remove(f.store.projects), os.RemoveAll(dir))
	for n := 0; ; n++ {
		if err = f.store.Free(t.Context(), record.ID); err == nil || n == 100 {
			break
		}
		unix.Nanosleep(&unix.Timespec{Nsec: 1e7}, nil) // XFS frees inodes in the background
	}
	must(t, err)
	if list, err := f.store.List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}
