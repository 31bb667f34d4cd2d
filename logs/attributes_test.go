package logs

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// print makes a log capture lines of 100 bytes.
func printLines(t *testing.T, dir string, cfg Config, lines int) Stats {
	t.Helper()
	l, err := Open(dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c, err := l.Capture(Stdout, r)
	if err != nil {
		t.Fatal(err)
	}
	for range lines {
		if _, err := w.WriteString(strings.Repeat("x", 99) + "\n"); err != nil {
			t.Fatal(err)
		}
	}
	_ = w.Close()
	<-c.Done()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Stats()
}

func gaps(t *testing.T, dir string, cfg Config, o ReadOptions) (removed int64, lines int) {
	t.Helper()
	err := Read(context.Background(), dir, cfg, o, nil, func(e Entry) error {
		if e.Gap {
			removed += e.Removed
		} else {
			lines++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return removed, lines
}

// TestRemoved: the bytes that rotation removed are counted across all writers of a log and reported
// to readers that asked for them.
func TestRemoved(t *testing.T) {
	for _, cfg := range []Config{{MaxSize: 4096, MaxFiles: 2}, {MaxSize: 4096, MaxFiles: 1},
		{Driver: DriverRaw, MaxSize: 4096, MaxFiles: 3}, {Driver: DriverJSONFile, MaxSize: 4096}} {
		dir := filepath.Join(t.TempDir(), "logs")
		first := printLines(t, dir, cfg, 500)
		second := printLines(t, dir, cfg, 500)
		whole := ReadOptions{Tail: -1}
		removed, lines := gaps(t, dir, cfg, whole)
		if first.Removed == 0 || second.Removed == 0 || removed != first.Removed+second.Removed {
			t.Errorf("%+v: %d bytes are told of, %d and %d were removed", cfg, removed, first.Removed, second.Removed)
		}
		// a line is longer in a file than in the task's output
		if told, all := removed/100, int64(1000-lines); told < all || told > 2*all {
			t.Errorf("%+v: %d of 1000 lines are left, and %d bytes are told of", cfg, lines, removed)
		}
		if removed, _ := gaps(t, dir, cfg, ReadOptions{Tail: 3}); removed != 0 {
			t.Errorf("%+v: the last lines are there, and it tells of %d bytes", cfg, removed)
		}
		if removed, _ := gaps(t, dir, cfg, ReadOptions{Tail: 2000}); removed == 0 {
			t.Errorf("%+v: more lines are asked for than there are, and nothing is told", cfg)
		}
		if cfg.Driver == DriverRaw {
			continue
		}
		if removed, _ := gaps(t, dir, cfg, ReadOptions{Tail: -1, Since: time.Now()}); removed != 0 {
			t.Errorf("%+v: only what comes is asked for, and it tells of %d bytes", cfg, removed)
		}
		if removed, _ := gaps(t, dir, cfg, ReadOptions{Tail: -1, Since: time.Now().Add(-time.Hour)}); removed == 0 {
			t.Errorf("%+v: an hour is asked for, and nothing is told", cfg)
		}
	}
}

// TestDefaults: a log without a limit does not fill the disk unless the user asks for it.
func TestDefaults(t *testing.T) {
	if c := (Config{}).withDefaults(); c.MaxSize != 20<<20 || c.MaxFiles != 5 {
		t.Errorf("by default: %+v", c)
	}
	dir := filepath.Join(t.TempDir(), "logs")
	printLines(t, dir, Config{}, 1_300_000) // of 100 bytes, in more than 100 MiB
	if all, err := os.ReadDir(dir); err != nil || len(all) != 5 {
		t.Errorf("%d files, %v", len(all), err)
	}
	dir = filepath.Join(t.TempDir(), "logs")
	if s := printLines(t, dir, Config{MaxSize: Unlimited}, 250_000); s.Removed != 0 {
		t.Errorf("%d bytes removed without a limit", s.Removed)
	}
	if all, err := os.ReadDir(dir); err != nil || len(all) != 1 {
		t.Errorf("%d files, %v", len(all), err)
	}
}
