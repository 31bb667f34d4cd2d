package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A flood is an exec'd command that writes an amount of output and then creates a file, to signal that
// everything is written.
type flood struct {
	bytes int
	cmd   *exec.Cmd
	out   bytes.Buffer
	mark  string
}

// floods starts commands in the container job, whose clients do not read. Some of the sizes exceed the
// buffers of the sockets but fit into the pipes behind them.
func (h *host) floods(marks string) (all []*flood) {
	h.t.Helper()
	for size := 120; size <= 300; size += 20 {
		f := &flood{bytes: size << 10, mark: filepath.Join(marks, fmt.Sprint(size))}
		f.cmd = h.command("exec", "job", "sh", "-c",
			fmt.Sprintf("touch /marks/%[1]d.begun; read go < /marks/go; head -c %[2]d /dev/zero; touch /marks/%[1]d",
				size, f.bytes))
		f.cmd.Stdout, f.cmd.Stderr = &f.out, os.Stderr
		if err := f.cmd.Start(); err != nil {
			h.t.Fatal(err)
		}
		all = append(all, f)
		h.eventually("the command runs", func() bool { return exists(f.mark + ".begun") })
		h.kill(f.cmd, unix.SIGSTOP)
	}
	return all
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// flooded makes the commands write, and waits until those that need no reading client are done.
func (h *host) flooded() (all []*flood) {
	h.t.Helper()
	marks := h.t.TempDir()
	if err := unix.Mkfifo(filepath.Join(marks, "go"), 0o600); err != nil {
		h.t.Fatal(err)
	}
	h.want(0, "run", "-d", "-q", "--name", "job", "-v", marks+":/marks", h.image, "sleep", "100")
	all = h.floods(marks)
	gate, err := os.OpenFile(filepath.Join(marks, "go"), os.O_RDWR, 0)
	if err != nil {
		h.t.Fatal(err)
	}
	defer gate.Close()
	if _, err := gate.WriteString(strings.Repeat("\n", len(all))); err != nil {
		h.t.Fatal(err)
	}
	h.eventually("a command is done", func() bool { return exists(all[0].mark) })
	return all
}

// TestSlowExecClient checks that a slow client gets all output of a command that exited long ago.
func TestSlowExecClient(t *testing.T) {
	h := newHost(t)
	marks := t.TempDir()
	h.want(0, "run", "-d", "-q", "--name", "job", "-v", marks+":/marks", h.image, "sleep", "100")
	cmd := h.command("exec", "job", "sh", "-c",
		"head -c 400000 /dev/zero >&2 & head -c 400000 /dev/zero; wait; touch /marks/done")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd.Stdout, cmd.Stderr = w, w
	if err := errors.Join(cmd.Start(), w.Close()); err != nil {
		t.Fatal(err)
	}
	got := int64(0)
	read := func(n int64) {
		n, _ = io.CopyN(io.Discard, r, n)
		got += n
	}
	h.eventually("the command is done", func() bool { read(8 << 10); return exists(filepath.Join(marks, "done")) })
	read(180 << 10) // reads the buffered data, so that more is sent
	time.Sleep(3 * time.Second)
	read(1 << 20)
	h.waitCode(cmd, 0)
	if got != 800000 {
		t.Errorf("%d bytes, want 800000", got)
	}
	h.want(0, "rm", "-f", "job")
}

// TestStuckExecClient checks that clients that do not read delay neither the exit of the container nor
// that of its supervisor, and get all output when they read again.
func TestStuckExecClient(t *testing.T) {
	h := newHost(t)
	all := h.flooded()
	h.want(0, "rm", "-f", "job") // waits for the shim
	for _, f := range all {
		h.kill(f.cmd, unix.SIGCONT)
		if err := f.cmd.Wait(); f.cmd.ProcessState.ExitCode() < 0 || err != nil && exists(f.mark) {
			t.Error(err)
		}
		if exists(f.mark) && f.out.Len() != f.bytes {
			t.Errorf("%d bytes, want %d", f.out.Len(), f.bytes)
		}
	}
}

// TestExecLeavesBehind checks that an exec ends with its command, even if background processes remain.
func TestExecLeavesBehind(t *testing.T) {
	h := newHost(t)
	h.want(0, "run", "-d", "-q", "--name", "job", h.image, "sleep", "100")
	if got := h.want(3, "exec", "job", "sh", "-c", "sleep 50 & echo done; exit 3").stdout; got != "done\n" {
		t.Errorf("%q", got)
	}
	h.want(0, "rm", "-f", "job")
}

// TestExecWithoutProcesses runs an exec in containers at or near their limit of processes. It must work
// or fail with a clear error.
func TestExecWithoutProcesses(t *testing.T) {
	h := newHost(t)
	for _, runtime := range []string{"", "runc"} {
		for left := range 8 {
			h.want(0, "run", "-d", "-q", "--name", "job", "--runtime", runtime, "--pids-limit", "16", h.image,
				"sh", "-c", fmt.Sprintf("i=%d; while [ $((i+=1)) -lt 16 ]; do sleep 100 & done; wait", left))
			h.eventually("it has its processes", func() bool {
				return strings.Count(h.want(0, "top", "job").stdout, "sleep 100\n") == 15-left
			})
			r := h.mctr("exec", "job", "true")
			if r.code != 0 &&
				(r.code != 126 || strings.Count(r.stderr, "\n") != 1 ||
					!strings.Contains(r.stderr, "the container has reached its limit of processes")) {
				t.Errorf("%s, %d left: %+v", runtime, left, r)
			}
			h.want(0, "rm", "-f", "job")
		}
	}
}
