package eventlog_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/eventlog"
)

func read(t *testing.T, path string) (ids []string) {
	t.Helper()
	for e, err := range eventlog.Read(t.Context(), path, false) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, string(e.ID))
	}
	return ids
}

func add(t *testing.T, path, id string) {
	t.Helper()
	if err := eventlog.Append(path, mctr.Event{Time: time.Now(), ID: mctr.ContainerID(id), Action: mctr.EventStart}); err != nil {
		t.Fatal(err)
	}
}

func TestReadGivesWhatWasAppended(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events")
	if got := read(t, path); len(got) > 0 {
		t.Errorf("no file has events %v", got)
	}
	add(t, path, "a")
	add(t, path, "b")
	if got := strings.Join(read(t, path), " "); got != "a b" {
		t.Errorf("read %q", got)
	}
}

// TestCutLine wants a line without its end, and nonsense, not to spoil the rest.
func TestCutLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events")
	add(t, path, "a")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("\n" + `{"id":"cut","action":"sta`); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	add(t, path, "b")
	if got := strings.Join(read(t, path), " "); got != "a b" {
		t.Errorf("read %q", got)
	}
}

// TestFollowAcrossRotation has several writers fill more than two files: a
// follower gets every event once, those of one writer in order, and what stays
// on disk is bounded.
func TestFollowAcrossRotation(t *testing.T) {
	const writers, each = 4, 4000
	path := filepath.Join(t.TempDir(), "events")
	add(t, path, "first")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var all sync.WaitGroup
	next, seen := map[string]int{}, 0
	all.Go(func() {
		for e, err := range eventlog.Read(ctx, path, true) {
			if err != nil {
				t.Error(err)
				return
			}
			writer, number, _ := strings.Cut(string(e.ID), "-")
			if writer == "first" {
				continue
			}
			if number != fmt.Sprint(next[writer]) {
				t.Errorf("writer %s: %s, want %d", writer, number, next[writer])
			}
			next[writer]++
			if seen++; seen == writers*each {
				return
			}
		}
	})
	for w := range writers {
		all.Go(func() {
			for n := range each {
				add(t, path, fmt.Sprintf("%d-%d", w, n))
				if n%100 == 0 { // a follower that is two files behind has lost one: that is the bound
					time.Sleep(2 * time.Millisecond)
				}
			}
		})
	}
	all.Wait()
	var size int64
	for _, p := range []string{path, path + ".1"} {
		if info, err := os.Stat(p); err == nil {
			size += info.Size()
		}
	}
	if size == 0 || size > 2*eventlog.MaxSize+1000 {
		t.Errorf("%d bytes are kept", size)
	}
}

// TestNoFile wants what somebody put in the file's place neither to be written to
// nor to hold the writer up.
func TestNoFile(t *testing.T) {
	path, other := filepath.Join(t.TempDir(), "events"), filepath.Join(t.TempDir(), "other")
	for name, plant := range map[string]func() error{
		"link": func() error { return os.Symlink(other, path) },
		"fifo": func() error { return unix.Mkfifo(path, 0o600) },
	} {
		if err := plant(); err != nil {
			t.Fatal(err)
		}
		if err := eventlog.Append(path, mctr.Event{ID: "x", Action: mctr.EventStart}); err == nil {
			t.Errorf("%s: it was written to", name)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(other); err == nil {
		t.Error("a link was followed")
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("\n{\"id\":\"a\",\"action\":\"start\"}\n{}\n{\"id\":"))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "events")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		for e, err := range eventlog.Read(t.Context(), path, false) {
			if err != nil || e.Action == "" {
				t.Errorf("%+v, %v", e, err)
			}
		}
	})
}
