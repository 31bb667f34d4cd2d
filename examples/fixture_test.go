package examples_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/containerizer/store"
	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/leakcheck"
	"github.com/mctr/mctr/internal/testprogram"
	"github.com/mctr/mctr/provisioner/imagetest"
)

// An example is a built program with directories of its own.
type example struct {
	t           *testing.T
	program     string
	dir         string
	root, state string // flags; empty: the program has no such flag
	image       string
}

func newExample(t *testing.T, program string) *example {
	t.Helper()
	dir, err := os.MkdirTemp("", "mctr-example") // short, because sockets are in it
	if err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(dir, "state")
	top, _, _ := strings.Cut(store.At("", state).Container("x").Cgroup(), "/")
	leaks := leakcheck.Snapshot(t, leakcheck.Scope{Names: []string{top, dir + "/"},
		Kinds: []leakcheck.Kind{leakcheck.Mount, leakcheck.Cgroup, leakcheck.Process}})
	t.Cleanup(func() {
		eventually(t, "the supervisors and their exit commands have ended", func() bool {
			pids, err := cgroup.Pids(top + "-shims")
			return len(pids) == 0 && err == nil
		})
		_ = unix.Unmount(state, unix.MNT_DETACH) // fails for an example without containers
		err := errors.Join(cgroup.Remove(top), cgroup.Remove(top+"-shims"))
		leaks.Check()
		if err := errors.Join(err, os.RemoveAll(dir)); err != nil {
			t.Error(err)
		}
	})
	return &example{t: t, program: program, dir: dir, root: filepath.Join(dir, "root"), state: state,
		image: imagetest.Busybox(t, dir)}
}

// command returns the example with these arguments.
func (e *example) command(args ...string) *exec.Cmd {
	var flags []string
	if e.root != "" {
		flags = append(flags, "-root", e.root)
	}
	if e.state != "" {
		flags = append(flags, "-state", e.state)
	}
	return exec.Command(e.program, append(flags, args...)...)
}

// run returns the example's stdout and exit code.
func (e *example) run(args ...string) (string, int) {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), time.Minute)
	defer cancel()
	var out, failure bytes.Buffer
	cmd := e.command(args...)
	cmd.Stdout, cmd.Stderr = &out, &failure
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer stop()
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		e.t.Fatal(err)
	}
	if failure.Len() > 0 {
		e.t.Logf("stderr: %s", failure.String())
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

func (e *example) wants(code int, output string, args ...string) {
	e.t.Helper()
	if got, exit := e.run(args...); got != output || exit != code {
		e.t.Errorf("%q: printed %q and exited with %d, want %q and %d", args, got, exit, output, code)
	}
}

func (e *example) matches(pattern string, args ...string) {
	e.t.Helper()
	if got, exit := e.run(args...); !regexp.MustCompile(pattern).MatchString(got) || exit != 0 {
		e.t.Errorf("%q: printed %q and exited with %d, want %s", args, got, exit, pattern)
	}
}

// build builds every example into a directory, with mctr's programs and the CNI plugins beside
// them, and returns the directory.
func build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	args := []string{"build", "-ldflags", "-s -w", "-o", dir + "/"}
	for _, file := range sources(t) {
		args = append(args, "./"+filepath.Dir(file))
	}
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"mctr-shim", "mctr-helper", "cni"} {
		if err := os.Symlink(filepath.Join(bin(t), name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// sources returns the examples as NAME/main.go.
func sources(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*/main.go")
	if err != nil || len(files) == 0 {
		t.Fatal("no examples found: ", err)
	}
	return files
}

// bin returns the directory of mctr's programs.
func bin(t *testing.T) string {
	t.Helper()
	return filepath.Dir(testprogram.Find(t, "mctr-shim"))
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not within 30 s:", what)
		}
	}
}

// An output can be read while a program writes to it.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
