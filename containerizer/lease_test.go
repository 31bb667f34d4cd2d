package containerizer_test

import (
	"context"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/provisioner"
)

// TestLeasesOfOthers wants reconcile to leave the leases of living processes and of
// containers' volumes, and to drop those of processes and containers that are gone.
func TestLeasesOfOthers(t *testing.T) {
	a := newAgent(t)
	images, err := provisioner.New(a.root)
	if err != nil {
		t.Fatal(err)
	}
	a.launch("job", "sleep", "100")
	mine, err := provisioner.ProcessHolder()
	if err != nil {
		t.Fatal(err)
	}
	dead := "process@@" + strconv.Itoa(deadPid(t)) + ".1.X"
	for _, holder := range []string{mine, dead, "job@data", "gone@data"} {
		if _, err := images.Lease(t.Context(), holder, a.image, provisioner.PullOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.Reconcile(t.Context()); err != nil {
		t.Error(err)
	}
	held, err := images.Leases()
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for holder := range held {
		left = append(left, holder)
	}
	slices.Sort(left)
	if want := []string{"job", "job@data", mine}; !slices.Equal(left, want) {
		t.Errorf("leases %q, want %q", left, want)
	}
	a.remove("job")
	if err := images.Release(mine); err != nil {
		t.Error(err)
	}
	if held, _ := filepath.Glob(a.root + "/images/leases/*"); len(held) > 0 {
		t.Errorf("left %q", held)
	}
}

func deadPid(t *testing.T) int {
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

// watcher notes the contexts that it is to watch by.
type watcher struct {
	isolators.Base
	mu   sync.Mutex
	ctxs []context.Context
}

func (*watcher) Name() string { return "test/watcher" }

func (w *watcher) Watch(ctx context.Context, _ mctr.Handle, _ func(mctr.Limitation)) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ctxs = append(w.ctxs, ctx)
	return nil
}

// over reports whether the last watch has ended.
func (w *watcher) over() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.ctxs) > 0 && w.ctxs[len(w.ctxs)-1].Err() != nil
}

// TestWatchEndsWithItsCaller wants isolators to watch as long as their caller does: up to
// the container's end, and no longer than the context of a Watch.
func TestWatchEndsWithItsCaller(t *testing.T) {
	w := &watcher{}
	a := newAgent(t, w)
	if _, err := a.Launch(t.Context(), "job", a.config("sleep", "100"),
		containerizer.LaunchOptions{Detach: true}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_ = a.Watch(ctx, "job")
	if !w.over() {
		t.Error("the watching goes on behind its caller's end")
	}
	a.remove("job")
	a.launch("job", "true")
	a.eventually("it ends with the container", w.over)
	a.remove("job")
}
