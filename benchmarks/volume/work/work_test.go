package work_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/benchmarks/volume/work"
)

const size = 64 << 10

func dir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "work") // a sync takes no time there
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func do(t *testing.T, w work.Work) *work.Answer {
	t.Helper()
	var out strings.Builder
	if err := w.Do(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	a := &work.Answer{}
	if err := json.Unmarshal([]byte(out.String()), a); err != nil {
		t.Fatalf("%q: %v", out.String(), err)
	}
	return a
}

// TestData: data are written once, are those of their seed, and one other bit is another sum.
func TestData(t *testing.T) {
	w := work.Work{Verb: work.Look, Dir: dir(t), Seed: 7, Size: size}
	if a := do(t, w); a.Found || a.SHA256 != "" {
		t.Errorf("nothing written: %+v", a)
	}
	w.Verb = work.Keep
	if a := do(t, w); a.Found || a.SHA256 != w.Sum() {
		t.Errorf("written: %+v", a)
	}
	other := w
	if other.Seed = 9; do(t, other).SHA256 != w.Sum() || other.Sum() == w.Sum() {
		t.Error("data that are there are written again, or two seeds have the same data")
	}
	path := filepath.Join(w.Dir, "data")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[size/2] ^= 1
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if a := do(t, w); !a.Found || a.SHA256 == w.Sum() {
		t.Errorf("altered: %+v", a)
	}
}

// TestHold: the answer comes before the end, and writes go on.
func TestHold(t *testing.T) {
	w := work.Work{Verb: work.Hold, Dir: dir(t), Size: size}
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error)
	go func() { ended <- w.Do(ctx, in) }()
	a := &work.Answer{}
	if err := json.NewDecoder(out).Decode(a); err != nil || a.SHA256 != w.Sum() {
		t.Error(a, err)
	}
	for {
		if info, err := os.Stat(filepath.Join(w.Dir, "torn")); err == nil && info.Size() > 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestCount: many writers lose no update.
func TestCount(t *testing.T) {
	w := work.Work{Verb: work.Count, Dir: dir(t), Times: 10}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if err := w.Do(t.Context(), io.Discard); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	w.Verb = work.Tally
	if a := do(t, w); a.Count != 40 || a.Lines != 40 {
		t.Errorf("%+v", a)
	}
}

// TestFill: the error of a full volume and the bound are told apart, and the filler is removed.
func TestFill(t *testing.T) {
	w := work.Work{Verb: work.Fill, Dir: dir(t), Size: size, Most: 3 << 20}
	if a := do(t, w); a.Full != "" || a.Bytes < w.Most || a.SHA256 != w.Sum() {
		t.Errorf("never full: %+v", a)
	}
	if err := os.Symlink("/dev/full", filepath.Join(w.Dir, "filler")); err != nil {
		t.Fatal(err)
	}
	if a := do(t, w); a.Full != "ENOSPC" || a.Bytes != size || a.SHA256 != w.Sum() {
		t.Errorf("full at once: %+v", a)
	}
	if _, err := os.Lstat(filepath.Join(w.Dir, "filler")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestLoad(t *testing.T) {
	w := work.Work{Verb: work.Load, Dir: dir(t), Size: 2 << 20, Time: 20 * time.Millisecond}
	f := do(t, w).Figures
	if f == nil || f.Write <= 0 || f.Read <= 0 || f.SyncP50 <= 0 || f.SyncP99 < f.SyncP50 || f.Syncs < 1 {
		t.Errorf("%+v", f)
	}
	if left, _ := os.ReadDir(w.Dir); len(left) > 0 {
		t.Error(left)
	}
}

// TestClear: what any work leaves is removed, and nothing else.
func TestClear(t *testing.T) {
	at := dir(t)
	if err := os.Mkdir(filepath.Join(at, "lost+found"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{work.Keep, work.Count, work.Fill, work.Clear, work.Clear} {
		if a := do(t, work.Work{Verb: verb, Dir: at, Size: size, Times: 1}); a.Error != "" {
			t.Errorf("%s: %s", verb, a.Error)
		}
	}
	if left, err := os.ReadDir(at); len(left) != 1 || err != nil {
		t.Error(left, err)
	}
}

// TestFails: what goes wrong is in the answer.
func TestFails(t *testing.T) {
	for _, verb := range []string{work.Keep, work.Hold, work.Count, work.Fill, work.Load} {
		if a := do(t, work.Work{Verb: verb, Dir: "/nowhere", Size: size, Times: 1}); !strings.Contains(a.Error, verb) {
			t.Errorf("%s: %+v", verb, a)
		}
	}
	if err := (work.Work{Verb: "sleep"}).Do(t.Context(), io.Discard); !errors.Is(err, mctr.ErrInvalid) {
		t.Error(err)
	}
}
