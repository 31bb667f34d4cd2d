package eventlog_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
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
	for e, err := range eventlog.Read(t.Context(), path, mctr.EventOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, string(e.ID))
	}
	return ids
}

func add(t *testing.T, path, id string) {
	t.Helper()
	if err := eventlog.Append(path, mctr.Event{ID: mctr.ContainerID(id), Action: mctr.EventStart}); err != nil {
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

// TestCutLine: a truncated line or garbage does not spoil the other lines.
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

// TestFollowAcrossRotation: several writers fill more than two files. A follower gets every event
// once, those of one writer in order, and the size on disk is limited.
func TestFollowAcrossRotation(t *testing.T) {
	const writers, each = 4, 4000
	path := filepath.Join(t.TempDir(), "events")
	add(t, path, "first")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var all sync.WaitGroup
	next, seen := map[string]int{}, 0
	all.Go(func() {
		for e, err := range eventlog.Read(ctx, path, mctr.EventOptions{Follow: true}) {
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
				if n%100 == 0 { // a follower that is two files behind has lost one: that is the limit
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

// TestNoFile: a pipe or a link in place of the file is neither written to nor does it block the
// writer.
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

func all(t *testing.T, path string, o mctr.EventOptions) (list []mctr.Event) {
	t.Helper()
	for e, err := range eventlog.Read(t.Context(), path, o) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
	return list
}

// TestCursor: cursors have no gaps across files, times never go back, and a reader that returns
// gets exactly the events that it has not seen.
func TestCursor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events")
	future := mctr.Event{Time: time.Now().Add(time.Hour), ID: "future", Action: mctr.EventStart}
	if err := eventlog.Append(path, future); err != nil {
		t.Fatal(err)
	}
	for n := range 8000 { // into a second file
		add(t, path, fmt.Sprint(n))
	}
	list := all(t, path, mctr.EventOptions{})
	if len(list) != 8001 || !list[0].First || list[0].Time.After(time.Now()) {
		t.Fatalf("%d events, the first is %+v", len(list), list[0])
	}
	for i, e := range list[1:] {
		if before := list[i]; e.Cursor != before.Cursor+1 || e.Time.Before(before.Time) || e.First {
			t.Fatalf("%+v follows %+v", e, before)
		}
	}
	for _, from := range []int{0, 1, 4000, 7999, 8000} {
		rest := all(t, path, mctr.EventOptions{After: list[from].Cursor})
		if len(rest) != 8000-from || len(rest) > 0 && rest[0].Cursor != list[from].Cursor+1 {
			t.Errorf("behind event %d: %d events", from, len(rest))
		}
	}
}

// TestGap: a reader learns how much it missed, even if the files were lost.
func TestGap(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events")
	add(t, path, "seen")
	seen := all(t, path, mctr.EventOptions{})[0].Cursor
	for n := range 50000 { // more than two files, of which the first was removed
		add(t, path, fmt.Sprint(n))
	}
	list := all(t, path, mctr.EventOptions{After: seen})
	missed, err := strconv.Atoi(list[0].Attributes["missed"])
	if list[0].Action != mctr.EventGap || err != nil || missed == 0 || missed+len(list)-1 != 50000 {
		t.Errorf("the first of %d is %+v", len(list), list[0])
	}
	last := list[len(list)-1].Cursor
	for _, p := range []string{path, path + ".1"} {
		if err := os.Remove(p); err != nil {
			t.Fatal(err)
		}
	}
	add(t, path, "anew")
	list = all(t, path, mctr.EventOptions{After: last})
	if len(list) != 2 || list[0].Action != mctr.EventGap || list[0].Attributes["missed"] != "" ||
		list[1].ID != "anew" || list[1].Cursor <= last {
		t.Errorf("after the files were lost: %+v", list)
	}
}

// TestSlowFollower: a follower pauses while files are rotated. It gets each event, or a gap counts
// the event.
func TestSlowFollower(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events")
	add(t, path, "first")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	const events = 50000
	told, gaps := 0, 0
	for e, err := range eventlog.Read(ctx, path, mctr.EventOptions{Follow: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.ID == "first" {
			for n := range events {
				add(t, path, fmt.Sprint(n))
			}
			continue
		}
		told++
		if e.Action == mctr.EventGap {
			n, err := strconv.Atoi(e.Attributes["missed"])
			if err != nil {
				t.Fatal(err)
			}
			gaps, told = gaps+1, told-1+n
		}
		if told >= events {
			cancel()
		}
	}
	if told != events || gaps != 1 {
		t.Errorf("%d events in all, %d gaps", told, gaps)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("\n{\"id\":\"a\",\"action\":\"start\"}\n{}\n{\"id\":"))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "events")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		for e, err := range eventlog.Read(t.Context(), path, mctr.EventOptions{}) {
			if err != nil || e.Action == "" {
				t.Errorf("%+v, %v", e, err)
			}
		}
		if err := eventlog.Append(path, mctr.Event{ID: "last", Action: mctr.EventDie}); err != nil {
			t.Fatal(err)
		}
	})
}
