package helper_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/fields"
	"github.com/mctr/mctr/internal/helper"
	"github.com/mctr/mctr/internal/leakcheck"
)

// TestMain turns this binary into the helper when it is started as one: without environment
// variables.
func TestMain(m *testing.M) {
	if len(os.Environ()) == 0 {
		if err := helper.Serve(os.NewFile(helper.FD, "job")); err != nil {
			os.Exit(1)
		}
		unix.Exit(0) // at once: the race detector would wait a second
	}
	os.Exit(m.Run())
}

var runner = &helper.Runner{Helper: "/proc/self/exe"}

func snapshot(t *testing.T, names ...string) *leakcheck.Set {
	return leakcheck.Snapshot(t,
		leakcheck.Scope{Names: append(names, t.TempDir()),
			Kinds: []leakcheck.Kind{leakcheck.Mount, leakcheck.Process, leakcheck.File}})
}

func TestProbe(t *testing.T) {
	leaks := snapshot(t)
	dir := t.TempDir()
	if err := os.Symlink("nowhere", dir+"/dangling"); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]error{
		dir: nil, dir + "/missing": fs.ErrNotExist, dir + "/dangling": unix.ENOENT, "/etc/passwd/x": unix.ENOTDIR,
	} {
		err := runner.Probe(t.Context(), path)
		if !errors.Is(err, want) || want != nil && !strings.Contains(err.Error(), "probe "+path) {
			t.Errorf("%s: %v, want %v that names verb and path", path, err, want)
		}
	}
	leaks.Check()
}

func TestStatfs(t *testing.T) {
	var want unix.Statfs_t
	if err := unix.Statfs("/", &want); err != nil {
		t.Fatal(err)
	}
	a, err := runner.Do(t.Context(), helper.Request{Verb: helper.VerbStatfs, Path: "/"})
	if err != nil || a.Total != want.Blocks*uint64(want.Bsize) || a.Free > a.Total || a.Free == 0 {
		t.Errorf("got %+v, %v; want a total of %d", a, err, want.Blocks*uint64(want.Bsize))
	}
}

func TestReadFile(t *testing.T) {
	leaks := snapshot(t)
	dir := t.TempDir()
	large := strings.Repeat("x", helper.MaxRead)
	check := errors.Join(os.WriteFile(dir+"/file", []byte("a\x00\xff"), 0o600), os.Symlink("file", dir+"/link"),
		os.WriteFile(dir+"/large", []byte(large), 0o600), os.WriteFile(dir+"/larger", []byte(large+"x"), 0o600),
		unix.Mkfifo(dir+"/fifo", 0o600))
	if check != nil {
		t.Fatal(check)
	}
	for path, want := range map[string]string{"/file": "a\x00\xff", "/link": "a\x00\xff", "/large": large} {
		if got, err := runner.ReadFile(t.Context(), dir+path); err != nil || string(got) != want {
			t.Errorf("%s: %d bytes, %v; want %d", path, len(got), err, len(want))
		}
	}
	for path, want := range map[string]error{dir: mctr.ErrInvalid, dir + "/fifo": mctr.ErrInvalid,
		"/dev/zero": mctr.ErrInvalid, dir + "/larger": mctr.ErrInvalid, dir + "/missing": fs.ErrNotExist} {
		if _, err := runner.ReadFile(t.Context(), path); !errors.Is(err, want) ||
			!strings.Contains(err.Error(), "read "+path) {
			t.Errorf("%s: %v, want %v that names verb and path", path, err, want)
		}
	}
	leaks.Check()
}

func TestMountAndUnmount(t *testing.T) {
	dir := t.TempDir()
	leaks := snapshot(t, dir)
	_, err := runner.Do(t.Context(),
		helper.Request{Verb: helper.VerbMount, Source: "tmpfs", Path: dir, Type: "tmpfs", Flags: unix.MS_NODEV,
			Data: "size=64k"})
	if err != nil {
		t.Fatal(err)
	}
	a, err := runner.Do(t.Context(), helper.Request{Verb: helper.VerbStatfs, Path: dir})
	if err != nil || a.Total != 64<<10 {
		t.Errorf("mounted: %+v, %v; want a tmpfs of 64 KiB", a, err)
	}
	unmount := helper.Request{Verb: helper.VerbUmount, Path: dir}
	if _, err := runner.Do(t.Context(), unmount); err != nil {
		t.Error(err)
	}
	if _, err := runner.Do(t.Context(), unmount); !errors.Is(err, unix.EINVAL) {
		t.Errorf("unmount again: %v, want EINVAL", err)
	}
	leaks.Check()
}

// TestBind mounts a directory below a root, out of which no link leads.
func TestBind(t *testing.T) {
	root, at := t.TempDir(), t.TempDir()
	leaks := snapshot(t, at)
	if err := errors.Join(os.MkdirAll(root+"/a/b", 0o755), os.Symlink("/proc", root+"/link")); err != nil {
		t.Fatal(err)
	}
	bind := helper.Request{Verb: helper.VerbBind, Source: root, Data: "a", Path: at}
	if _, err := runner.Do(t.Context(), bind); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(at + "/b"); err != nil {
		t.Error(err)
	}
	if err := unix.Unmount(at, 0); err != nil {
		t.Error(err)
	}
	bind.Data = "link"
	if _, err := runner.Do(t.Context(), bind); !errors.Is(err, unix.ENOENT) {
		t.Errorf("a link out of the root: %v, want ENOENT", err)
	}
	leaks.Check()
}

// TestUnknown: a helper names the parts of a newer caller's request that it does not know. A helper
// of an early build, which returns only ENOSYS, is named too.
func TestUnknown(t *testing.T) {
	dance := helper.Request{Verb: "dance", Path: "/"}
	for name, r := range map[string]*helper.Runner{"this": runner,
		"older": script(t, `read -r request <&3; printf '{"errno":38}' >&3`)} {
		_, err := r.Do(t.Context(), dance)
		if !errors.Is(err, unix.ENOSYS) || !strings.Contains(err.Error(), "does not know verb dance") ||
			!strings.Contains(err.Error(), r.Helper) {
			t.Errorf("%s: got %v, want ENOSYS with the verb and the helper", name, err)
		}
	}
	conn := bytes.NewBufferString(`{"verb":"umount","path":"/nowhere","lazily":true}`)
	if err := helper.Serve(conn); err != nil {
		t.Fatal(err)
	}
	if got := conn.String(); !strings.Contains(got, `"errno":38,"unknown":["lazily"]`) {
		t.Errorf("a field that is not known: %s", got)
	}
}

// TestFields: Request has no new field, because helpers of earlier builds would ignore it. An
// operation that needs a new field also needs a new verb, and its field is added here.
func TestFields(t *testing.T) {
	want := []string{"data", "flags", "path", "source", "type", "verb"}
	if got := fields.Of(helper.Request{}); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// script returns a helper that is a shell script.
func script(t *testing.T, body string) *helper.Runner {
	t.Helper()
	path := filepath.Join(t.TempDir(), "helper")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return &helper.Runner{Helper: path}
}

// TestHung: a helper that never answers, or that answers but does not exit, is killed at the
// deadline.
func TestHung(t *testing.T) {
	for name, body := range map[string]string{"no answer": "exec sleep 600",
		"half an answer": "printf '{\"errno\":' >&3; exec sleep 600"} {
		leaks := snapshot(t)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		err := script(t, body).Probe(ctx, "/mnt/dead")
		cancel()
		if !errors.Is(err, helper.ErrHung) || !strings.Contains(err.Error(), "/mnt/dead") {
			t.Errorf("%s: %v, want ErrHung that names the path", name, err)
		}
		leaks.Check()
	}
}

// TestCancelled: a caller that cancels gets the error of the cancellation, not one that says that
// the path hangs.
func TestCancelled(t *testing.T) {
	leaks := snapshot(t)
	cause := errors.New("changed my mind")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if err := script(t, "exec sleep 600").Probe(ctx, "/"); !errors.Is(err, cause) || errors.Is(err, helper.ErrHung) {
		t.Errorf("got %v, want the cause", err)
	}
	leaks.Check()
}

// TestBrokenHelper: a failure of the helper does not pass for an answer: a missing helper is not a
// missing path.
func TestBrokenHelper(t *testing.T) {
	leaks := snapshot(t)
	for name, r := range map[string]*helper.Runner{
		"missing": {Helper: "/no/such/helper"}, "no program": {Helper: "/etc/passwd"},
		"dies": script(t, "exit 3"), "babbles": script(t, "echo nonsense >&3"),
		"answers and fails": script(t, "echo '{}' >&3; exit 1"),
	} {
		err := r.Probe(t.Context(), "/")
		if !errors.Is(err, helper.ErrFailed) || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v, want ErrHelper and not ErrNotExist", name, err)
		}
	}
	leaks.Check()
}

func TestServeGarbage(t *testing.T) {
	for _, in := range []string{"", "{", "[]", "nonsense"} {
		if err := helper.Serve(bytes.NewBufferString(in)); err == nil {
			t.Errorf("%q is served", in)
		}
	}
}
