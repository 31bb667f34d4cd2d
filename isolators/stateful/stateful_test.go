package stateful_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/isolators/stateful"
)

// TestRecords writes, replaces, reads and removes records of both kinds, which are separate from
// each other and from those of another isolator.
func TestRecords(t *testing.T) {
	h := mctr.Handle{ID: "box", Dir: t.TempDir(), State: t.TempDir()}
	gone := stateful.Durable(mctr.Handle{Dir: filepath.Join(h.Dir, "gone")}, "test/a")
	if err := gone.Write("link", 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of a container that is gone: %v", err)
	}
	kinds := map[string]stateful.Records{
		"durable": stateful.Durable(h, "test/a"), "until reboot": stateful.UntilReboot(h, "test/a"),
		"another's": stateful.Durable(h, "test/b"),
	}
	for kind, r := range kinds {
		for _, value := range []string{"first", kind} {
			if err := r.Write("link", map[string]string{"name": value}); err != nil {
				t.Fatal(kind, err)
			}
		}
	}
	for kind, r := range kinds {
		got := map[string]string{}
		if err := r.Read("link", &got); err != nil || got["name"] != kind {
			t.Errorf("%s: %v, %v", kind, got, err)
		}
		if err := errors.Join(r.Remove(), r.Remove()); err != nil {
			t.Error(kind, err)
		}
		if err := r.Read("link", &got); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: read after Remove: %v", kind, err)
		}
	}
	if want := filepath.Join(h.Dir, "test/a", "link.json"); kinds["durable"].Path("link") != want {
		t.Errorf("it is %s, want %s", kinds["durable"].Path("link"), want)
	}
}

// TestRun checks a command's output, the error with the command's stderr, and that Run waits
// neither for a command that hangs nor for a child that holds the output.
func TestRun(t *testing.T) {
	if out, err := stateful.Run(t.Context(), time.Minute, "sh", "-c", "echo out; pwd"); err != nil ||
		string(out) != "out\n/\n" {
		t.Errorf("%q, %v", out, err)
	}
	_, err := stateful.Run(t.Context(), time.Minute, "sh", "-c", "echo why >&2; exit 3")
	if err == nil || !strings.Contains(err.Error(), "exit status 3: why") {
		t.Errorf("it failed by %v", err)
	}
	if _, err := stateful.Run(t.Context(), time.Minute, "/no/such"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no such program: %v", err)
	}
	if err := wantKilled(t, "sleep 60 & echo $! >$0; wait"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it hung, and that is %v", err)
	}
	_ = wantKilled(t, "sleep 60 & echo $! >$0") // the script itself succeeds
}

// wantKilled runs a script that leaves a child and writes the child's pid to $0.
func wantKilled(t *testing.T, script string) error {
	t.Helper()
	start, pid := time.Now(), filepath.Join(t.TempDir(), "pid")
	_, ended := stateful.Run(t.Context(), 300*time.Millisecond, "sh", "-c", script, pid)
	if time.Since(start) > 30*time.Second {
		t.Errorf("%s: after %v: %v", script, time.Since(start), ended)
	}
	child, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		stat, err := os.ReadFile("/proc/" + strings.TrimSpace(string(child)) + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return ended
		}
		if time.Now().After(deadline) {
			t.Fatal("its child lives")
		}
	}
}
