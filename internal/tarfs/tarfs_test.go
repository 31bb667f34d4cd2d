package tarfs_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/tarfs"
	"github.com/mctr/mctr/provisioner/imagetest"
)

// must fails the test if a step failed.
func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, unix.O_PATH|unix.O_NOFOLLOW, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func pack(t *testing.T, path, name string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := tarfs.Pack(context.Background(), open(t, path), name, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// variety makes a tree with one file of each kind.
func variety(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tree")
	at := func(name string) string { return filepath.Join(dir, name) }
	must(t, os.MkdirAll(at("d/empty"), 0o755), os.Chmod(at("d/empty"), 0o1770),
		os.WriteFile(at("file"), []byte("content"), 0o640), os.Chown(at("file"), 1234, 99999),
		os.WriteFile(at("d/suid"), nil, 0o600), os.Chown(at("d/suid"), 7, 7), unix.Chmod(at("d/suid"), 0o4755),
		os.Link(at("file"), at("d/again")), os.Symlink("../no/where", at("d/link")), os.Lchown(at("d/link"), 5, 6),
		unix.Mkfifo(at("pipe"), 0o622), os.Chmod(at("pipe"), 0o622),
		unix.Mknod(at("null"), unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))),
		unix.Setxattr(at("file"), "user.x", []byte("a\x00b"), 0), unix.Setxattr(at("d"), "user.dir", []byte("1"), 0),
		unix.Setxattr(at("d/suid"), "security.capability",
			[]byte("\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), 0),
		os.WriteFile(at("holes"), []byte("start"), 0o600), os.Truncate(at("holes"), 64<<20))
	socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	must(t, err)
	t.Cleanup(func() { _ = unix.Close(socket) })
	must(t, unix.Bind(socket, &unix.SockaddrUnix{Name: at("d/s")}))
	for _, name := range []string{"d/link", "file", "d/empty", "d", "."} {
		stamp := unix.NsecToTimespec(time.Unix(1_500_000_000, 123456789).UnixNano())
		must(t, unix.UtimesNanoAt(unix.AT_FDCWD, at(name), []unix.Timespec{stamp, stamp}, unix.AT_SYMLINK_NOFOLLOW))
	}
	return dir
}

func TestEverythingComesAlong(t *testing.T) {
	from, to := variety(t), t.TempDir()
	must(t,
		tarfs.Unpack(context.Background(), open(t, to), ".", bytes.NewReader(pack(t, from, "as")),
			tarfs.Options{Owner: true}))
	want := imagetest.Tree(t, from)
	delete(want, "d/s") // a tar cannot hold it
	if diff := cmp.Diff(want, imagetest.Tree(t, filepath.Join(to, "as"))); diff != "" {
		t.Errorf("-source +copy:\n%s", diff)
	}
	var st unix.Stat_t
	must(t, unix.Stat(filepath.Join(to, "as/holes"), &st))
	if st.Blocks*512 > 1<<20 {
		t.Errorf("64 MiB of holes take %d bytes", st.Blocks*512)
	}
}

// TestOthersOwner: set-user-ID bits and capabilities are kept only with the owner that they were
// set for, and an existing directory keeps its attributes.
func TestOthersOwner(t *testing.T) {
	from, to := variety(t), t.TempDir()
	must(t, os.Mkdir(filepath.Join(to, "as"), 0o700))
	must(t,
		tarfs.Unpack(context.Background(), open(t, to), ".", bytes.NewReader(pack(t, from, "as")),
			tarfs.Options{UID: 3, GID: 4}))
	tree := imagetest.Tree(t, filepath.Join(to, "as"))
	for name, n := range tree {
		if name != "." && (n.UID != 3 || n.GID != 4) {
			t.Errorf("%s belongs to %d:%d", name, n.UID, n.GID)
		}
	}
	if n := tree["d/suid"]; n.Mode&0o7777 != 0o755 || len(n.Xattrs) > 0 {
		t.Errorf("d/suid: mode %o, attributes %v", n.Mode, n.Xattrs)
	}
	if tree["file"].Xattrs["user.x"] != "a\x00b" {
		t.Errorf("file: attributes %v", tree["file"].Xattrs)
	}
	if n := tree["."]; n.Mode&0o7777 != 0o700 || n.UID != 0 {
		t.Errorf("the directory that was there: %+v", n)
	}
}

// TestHostileStreams: nothing is written outside the root, and invalid entries are refused.
func TestHostileStreams(t *testing.T) {
	for _, h := range []struct {
		name    string
		entries []imagetest.Entry
		follow  bool
		err     string
		want    string // a file with content x, below the root
	}{
		{name: "dot dot", entries: []imagetest.Entry{imagetest.File("../escape", "x")}, err: ".."},
		{name: "dot dot within", entries: []imagetest.Entry{imagetest.File("a/../../escape", "x")}, err: ".."},
		{name: "absolute", entries: []imagetest.Entry{imagetest.File("/deep/down", "x")}, want: "sub/deep/down"},
		{name: "through a link",
			entries: []imagetest.Entry{imagetest.Symlink("a", "OUTSIDE"), imagetest.File("a/f", "x")},
			err:     "symbolic links"},
		{name: "through a link, followed",
			entries: []imagetest.Entry{imagetest.Symlink("a", "/other"), imagetest.File("a/f", "x")}, follow: true,
			want: "other/f"},
		{name: "far up, followed",
			entries: []imagetest.Entry{imagetest.Symlink("a", "../../../../other"), imagetest.File("a/f", "x")},
			follow:  true, want: "other/f"},
		{name: "outside, followed",
			entries: []imagetest.Entry{imagetest.Symlink("a", "OUTSIDE"), imagetest.File("a/f", "x")}, follow: true,
			err: "no such file"},
		{name: "hard link outside", entries: []imagetest.Entry{imagetest.Link("a", "../../outside/canary")}, err: ".."},
		{name: "hard link through a link",
			entries: []imagetest.Entry{imagetest.Symlink("d", "OUTSIDE"), imagetest.Link("a", "d/canary")},
			err:     "symbolic links"},
		{name: "directory over file", entries: []imagetest.Entry{imagetest.File("a", "x"), imagetest.Dir("a", 0o755)},
			err: "cannot overwrite"},
		{name: "directory over link",
			entries: []imagetest.Entry{imagetest.Symlink("a", "OUTSIDE"), imagetest.Dir("a", 0o755)},
			err:     "cannot overwrite"},
		{name: "file over directory", entries: []imagetest.Entry{imagetest.Dir("a", 0o755), imagetest.File("a", "x")},
			err: "cannot overwrite"},
		{name: "file over link",
			entries: []imagetest.Entry{imagetest.Symlink("a", "OUTSIDE/canary"), imagetest.File("a", "x")},
			want:    "sub/a"},
		{name: "base as a link", entries: []imagetest.Entry{imagetest.Symlink(".", "OUTSIDE")},
			err: "root of the archive is not a directory"},
		{name: "unknown type",
			entries: []imagetest.Entry{imagetest.File("a", "").With(func(e *imagetest.Entry) { e.Typeflag = 'Z' })},
			err:     "type"},
		{name: "twice", entries: []imagetest.Entry{imagetest.File("a", "y"), imagetest.File("a", "x")}, want: "sub/a"},
		{name: "link to itself", entries: []imagetest.Entry{imagetest.File("a", "x"), imagetest.Link("a", "a")},
			want: "sub/a"},
	} {
		t.Run(h.name, func(t *testing.T) {
			dir := t.TempDir()
			outside, root := filepath.Join(dir, "outside"), filepath.Join(dir, "root")
			must(t, os.Mkdir(outside, 0o755), os.MkdirAll(filepath.Join(root, "sub"), 0o755),
				os.Mkdir(filepath.Join(root, "other"), 0o755),
				os.WriteFile(filepath.Join(outside, "canary"), []byte("alive"), 0o600))
			before := imagetest.Tree(t, outside)
			for i, e := range h.entries {
				h.entries[i].Linkname = strings.Replace(e.Linkname, "OUTSIDE", outside, 1)
			}
			base, at := "sub", open(t, root)
			if !h.follow {
				base, at = ".", open(t, filepath.Join(root, "sub"))
			}
			err := tarfs.Unpack(context.Background(), at, base, bytes.NewReader(imagetest.Tar(t, h.entries...)),
				tarfs.Options{Follow: h.follow})
			if h.err == "" && err != nil || h.err != "" && (err == nil || !strings.Contains(err.Error(), h.err)) {
				t.Errorf("%v; want %q", err, h.err)
			}
			if data, err := os.ReadFile(filepath.Join(root, h.want)); h.want != "" && string(data) != "x" {
				t.Errorf("%s: %q, %v", h.want, data, err)
			}
			if diff := cmp.Diff(before, imagetest.Tree(t, outside)); diff != "" {
				t.Errorf("outside:\n%s", diff)
			}
			noTemporary(t, root)
		})
	}
}

func noTemporary(t *testing.T, root string) {
	t.Helper()
	for name := range imagetest.Tree(t, root) {
		if strings.HasPrefix(filepath.Base(name), ".tmp-") {
			t.Errorf("%s is left", name)
		}
	}
}

// TestCutShort: a file that does not arrive completely does not exist afterwards, and the file that
// it was to replace still does.
func TestCutShort(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "f"), []byte("old"), 0o600))
	whole := imagetest.Tar(t, imagetest.File("f", strings.Repeat("new", 100_000)))
	err := tarfs.Unpack(context.Background(), open(t, dir), ".", bytes.NewReader(whole[:len(whole)/2]),
		tarfs.Options{})
	if !errors.Is(err, mctr.ErrInvalid) {
		t.Errorf("%v; want ErrInvalid", err)
	}
	if data, _ := os.ReadFile(filepath.Join(dir, "f")); string(data) != "old" {
		t.Errorf("f is %.10q", data)
	}
	noTemporary(t, dir)
}

// TestSwappedWhileRead keeps exchanging a directory and a link that leads outside while it is
// packed: files outside never get into the archive, and nothing is written there.
func TestSwappedWhileRead(t *testing.T) {
	dir := t.TempDir()
	outside, root := filepath.Join(dir, "outside"), filepath.Join(dir, "root")
	must(t, os.Mkdir(outside, 0o755), os.MkdirAll(filepath.Join(root, "a/d"), 0o755),
		os.Symlink(outside, filepath.Join(root, "a/l")),
		os.WriteFile(filepath.Join(outside, "f"), []byte("secret"), 0o644),
		os.WriteFile(filepath.Join(root, "a/d/f"), []byte("inside"), 0o644))
	before := imagetest.Tree(t, outside)
	ctx, cancel := context.WithCancel(context.Background())
	swapped := make(chan int)
	go func() {
		n := 0
		for ; ctx.Err() == nil; n++ {
			_ = unix.Renameat2(unix.AT_FDCWD, filepath.Join(root, "a/d"), unix.AT_FDCWD, filepath.Join(root, "a/l"),
				unix.RENAME_EXCHANGE)
		}
		swapped <- n
	}()
	stream := imagetest.Tar(t, imagetest.Dir("a", 0o755), imagetest.Dir("a/d", 0o755),
		imagetest.File("a/d/f", "inside"), imagetest.File("a/d/g", "inside"))
	for range 500 {
		var b bytes.Buffer
		f := open2(t, filepath.Join(root, "a"))
		must(t, tarfs.Pack(context.Background(), f, "a", &b), f.Close())
		if strings.Contains(b.String(), "secret") {
			t.Fatal("a file outside was read")
		}
		for _, follow := range []bool{false, true} {
			f := open2(t, root)
			// it returns an error for what it cannot make
			_ = tarfs.Unpack(context.Background(), f, ".", bytes.NewReader(stream), tarfs.Options{Follow: follow})
			_ = f.Close()
		}
	}
	cancel()
	if n := <-swapped; n < 1000 {
		t.Errorf("swapped only %d times", n)
	}
	if diff := cmp.Diff(before, imagetest.Tree(t, outside)); diff != "" {
		t.Errorf("outside:\n%s", diff)
	}
}

func open2(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, unix.O_PATH, 0)
	must(t, err)
	return f
}

// TestNamesAreRight reads the archive with another reader.
func TestNamesAreRight(t *testing.T) {
	dir := variety(t)
	for as, want := range map[string][]string{"x": {"x/", "x/d/", "x/d/again"}, ".": {"./", "d/", "d/again"}} {
		r := tar.NewReader(bytes.NewReader(pack(t, dir, as)))
		for _, name := range want {
			if h, err := r.Next(); err != nil || h.Name != name {
				t.Errorf("as %s: %v, %v; want %s", as, h, err, name)
			}
		}
	}
}

// FuzzUnpack: no stream makes Unpack write outside the root or panic.
func FuzzUnpack(f *testing.F) {
	f.Add(imagetest.Tar(f, imagetest.Dir("a", 0o755), imagetest.File("a/b", "x"), imagetest.Link("c", "a/b"),
		imagetest.Symlink("l", "/etc")))
	f.Add(imagetest.Tar(f, imagetest.Symlink("l", ".."), imagetest.File("l/x", "x"),
		imagetest.Special("p", tar.TypeFifo, 0, 0)))
	f.Fuzz(func(t *testing.T, stream []byte) {
		dir := t.TempDir()
		root := filepath.Join(dir, "root")
		must(t, os.Mkdir(root, 0o755))
		r := io.LimitReader(bytes.NewReader(stream), 1<<20)
		_ = tarfs.Unpack(context.Background(), open(t, root), ".", r, tarfs.Options{Follow: len(stream)%2 == 0})
		if list, err := os.ReadDir(dir); err != nil || len(list) != 1 {
			t.Errorf("%v, %v", list, err)
		}
	})
}

// TestPackDeep: the number of descriptors does not depend on the depth of a tree.
func TestPackDeep(t *testing.T) {
	dir := t.TempDir()
	const levels = 1500
	if err := os.MkdirAll(filepath.Join(dir, strings.Repeat("d/", levels)), 0o755); err != nil {
		t.Fatal(err)
	}
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 200, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Setrlimit(unix.RLIMIT_NOFILE, &old) }()
	fd, err := unix.Open(dir, unix.O_PATH, 0)
	if err != nil {
		t.Fatal(err)
	}
	node := os.NewFile(uintptr(fd), dir)
	defer node.Close()
	var out bytes.Buffer
	if err := tarfs.Pack(t.Context(), node, "top", &out); err != nil {
		t.Fatal(err)
	}
	n := 0
	for r := tar.NewReader(&out); ; n++ {
		if _, err := r.Next(); err != nil {
			break
		}
	}
	if n != levels+1 {
		t.Errorf("%d entries, want %d", n, levels+1)
	}
}

// TestSizeless: files whose size the kernel invents are packed with their content.
func TestSizeless(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	must(t, os.WriteFile(empty, nil, 0o600))
	for _, file := range []string{"/proc/cpuinfo", "/proc/version", "/proc/self/cmdline",
		"/sys/kernel/mm/transparent_hugepage/enabled", empty} {
		want, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			continue // this kernel does not have the file
		}
		must(t, err)
		r := tar.NewReader(bytes.NewReader(pack(t, file, "made")))
		h, err := r.Next()
		must(t, err)
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) || h.Size != int64(len(want)) {
			t.Errorf("%s: %d bytes, header %d, want %d: %v", file, len(got), h.Size, len(want), err)
		}
	}
	// A file that blocks or never ends causes an error, not a hang.
	for _, file := range []string{"/proc/kmsg"} {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := tarfs.Pack(ctx, open(t, file), "endless", io.Discard); ctx.Err() != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// TestHarmless checks that no dangerous file comes out of an untrusted tree that other users can
// reach, whatever owner the file had.
func TestHarmless(t *testing.T) {
	src, dst := filepath.Join(t.TempDir(), "src"), t.TempDir()
	at := func(name string) string { return filepath.Join(src, name) }
	capability := []byte{1, 0, 0, 2, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	must(t, os.Mkdir(src, 0o755), os.WriteFile(at("suid"), nil, 0o600), unix.Chmod(at("suid"), 0o6755),
		os.WriteFile(at("caps"), nil, 0o755), unix.Chmod(at("caps"), 0o755),
		unix.Setxattr(at("caps"), "security.capability", capability, 0),
		unix.Setxattr(at("caps"), "user.keep", []byte("1"), 0), os.WriteFile(at("other"), nil, 0o600),
		os.Chown(at("other"), 1000, 1000), unix.Chmod(at("other"), 0o4755),
		unix.Mknod(at("zero"), unix.S_IFCHR|0o600, int(unix.Mkdev(1, 5))), os.Link(at("zero"), at("zlink")),
		unix.Mknod(at("disk"), unix.S_IFBLK|0o666, int(unix.Mkdev(7, 0))), unix.Mkfifo(at("pipe"), 0o600),
		os.Symlink("/etc", at("link")))
	root := open(t, dst)
	var left []string
	err := tarfs.Unpack(t.Context(), root, ".", bytes.NewReader(pack(t, src, ".")), tarfs.Options{
		Harmless: true, LeftOut: func(name string) { left = append(left, name) },
	})
	must(t, err)
	if got := strings.Join(left, " "); got != "disk zero zlink" {
		t.Errorf("left out: %s", got)
	}
	for name, want := range map[string]os.FileMode{"suid": 0o755, "caps": 0o755, "other": 0o755,
		"pipe": os.ModeNamedPipe | 0o600} {
		info, err := os.Lstat(filepath.Join(dst, name))
		if err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v; want %v", name, info, err, want)
		}
	}
	if _, err := unix.Getxattr(filepath.Join(dst, "caps"), "security.capability",
		make([]byte, 64)); !errors.Is(err, unix.ENODATA) {
		t.Errorf("capabilities: %v", err)
	}
	if n, err := unix.Getxattr(filepath.Join(dst, "caps"), "user.keep", make([]byte, 64)); n != 1 || err != nil {
		t.Errorf("the user's attribute: %v", err)
	}
	whole := t.TempDir()
	must(t,
		tarfs.Unpack(t.Context(), open(t, whole), ".", bytes.NewReader(pack(t, src, ".")),
			tarfs.Options{Owner: true}))
	for name, want := range map[string]os.FileMode{"suid": os.ModeSetuid | os.ModeSetgid | 0o755,
		"zero": os.ModeDevice | os.ModeCharDevice | 0o600} {
		if info, err := os.Lstat(filepath.Join(whole, name)); err != nil || info.Mode() != want {
			t.Errorf("all: %s: %v, %v; want %v", name, info, err, want)
		}
	}
}
