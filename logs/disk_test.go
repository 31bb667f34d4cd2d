package logs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
)

// smallDisk mounts a tmpfs of this many KiB.
func smallDisk(t *testing.T, kib int) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV,
		fmt.Sprintf("size=%dk", kib)); err != nil {
		t.Fatalf("mount a tmpfs (needs root): %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestFullDisk fills the disk, frees it and checks how the log reports the loss.
func TestFullDisk(t *testing.T) {
	for _, driver := range []string{DriverCRI, DriverJSONFile, DriverRaw} {
		for _, size := range []int64{0, 30_000} {
			t.Run(fmt.Sprintf("%s/%d", driver, size), func(t *testing.T) {
				disk := smallDisk(t, 256)
				filler := filepath.Join(disk, "filler")
				if err := os.WriteFile(filler, make([]byte, 160<<10), 0o600); err != nil {
					t.Fatal(err)
				}
				dir, cfg := filepath.Join(disk, "logs"), Config{Driver: driver, MaxSize: size, MaxFiles: 100}
				l, err := Open(dir, cfg)
				if err != nil {
					t.Fatal(err)
				}
				w := captured(t, l, Stdout)
				printed := 0
				print := func(lines int) {
					for range lines {
						n, err := fmt.Fprintf(w, "line %d %s\n", printed, strings.Repeat("z", 90))
						if err != nil {
							t.Fatal(err)
						}
						printed += n
					}
					for l.Stats().Bytes < int64(printed) {
						unix.Nanosleep(&unix.Timespec{Nsec: 1e6}, nil)
					}
				}
				print(2000) // drained although the disk is full
				full := l.Stats()
				if !errors.Is(full.Err, unix.ENOSPC) || full.Dropped == 0 {
					t.Fatalf("the disk is not full: %+v", full)
				}
				if err := os.Remove(filler); err != nil {
					t.Fatal(err)
				}
				print(100)
				_ = w.Close()
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
				checkLoss(t, dir, cfg, int64(printed), l.Stats())
			})
		}
	}
}

var (
	markForm = regexp.MustCompile(`^mctr: (\d+) bytes of log dropped: no space left on device$`)
	lineForm = regexp.MustCompile(`^line \d+ z{90}$`)
)

// checkLoss checks that every line is complete, and that the lines plus the losses in the marks
// equal what was printed.
func checkLoss(t *testing.T, dir string, cfg Config, printed int64, stats Stats) {
	t.Helper()
	_, entries := readBack(t, dir, cfg, ReadOptions{Tail: -1})
	var read, marked int64
	for _, e := range entries {
		var n int64
		switch m := markForm.FindSubmatch(e.Text); {
		case m != nil:
			if _, err := fmt.Sscan(string(m[1]), &n); err != nil {
				t.Fatal(err)
			}
			marked += n
		case cfg.Driver == DriverRaw: // may be truncated; the mark is on a line of its own
			read += e.size()
		case !lineForm.Match(e.Text):
			t.Errorf("torn line %q", e.Text)
		default:
			read += e.size()
		}
	}
	if cfg.Driver == DriverRaw {
		read -= marks(entries)
	}
	if marked != stats.Dropped || read+marked != printed || stats.Bytes != printed {
		t.Errorf("%d printed, %d read, %d marked as dropped, stats %+v", printed, read, marked, stats)
	}
	if last := entries[len(entries)-1]; !lineForm.Match(last.Text) {
		t.Errorf("the log does not go on after the disk has room: %q", last.Text)
	}
}

// marks counts the newlines with which raw marks begin.
func marks(entries []Entry) (n int64) {
	for _, e := range entries {
		if markForm.Match(e.Text) {
			n++
		}
	}
	return n
}

// TestTornLine opens logs in states that a killed writer may leave.
func TestTornLine(t *testing.T) {
	for _, driver := range []string{DriverCRI, DriverJSONFile} {
		for _, before := range []string{"", "kept\n", strings.Repeat("kept\n", 3000)} {
			t.Run(fmt.Sprintf("%s/%d", driver, len(before)), func(t *testing.T) {
				dir, cfg := filepath.Join(t.TempDir(), "logs"), Config{Driver: driver}
				capture(t, dir, cfg, map[Stream]string{Stdout: before + strings.Repeat("t", 9000) + "\n"})
				name := filepath.Join(dir, "log")
				st, err := os.Stat(name)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.Truncate(name, st.Size()-100); err != nil {
					t.Fatal(err)
				}
				if got, _ := readBack(t, dir, cfg, ReadOptions{Tail: -1}); got[Stdout] != before {
					t.Errorf("the torn line is read")
				}
				stats := capture(t, dir, cfg, map[Stream]string{Stdout: "next\n"})
				got, _ := readBack(t, dir, cfg, ReadOptions{Tail: -1})
				mark := fmt.Sprintf("mctr: %d bytes of log dropped: %v\n", stats.Dropped, errTorn)
				if got[Stdout] != before+"next\n" || got[Stderr] != mark || stats.Dropped < 8900 {
					t.Errorf("got %d bytes and %q, want the mark %q", len(got[Stdout]), got[Stderr], mark)
				}
			})
		}
	}
}

// TestInterruptedRotation opens logs whose writer died between two renames, and logs with more
// files than the current limit.
func TestInterruptedRotation(t *testing.T) {
	for name, interrupt := range map[string]func(dir string) error{
		"new":     func(dir string) error { return os.WriteFile(dir+"/log.new", nil, 0o600) },
		"shifted": func(dir string) error { return os.Rename(dir+"/log.2", dir+"/log.3") },
		"no log": func(dir string) error {
			return errors.Join(os.Rename(dir+"/log.2", dir+"/log.3"), os.Rename(dir+"/log.1", dir+"/log.2"),
				os.Rename(dir+"/log", dir+"/log.1"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, cfg := filepath.Join(t.TempDir(), "logs"), Config{MaxSize: 50, MaxFiles: 4}
			for _, s := range []string{"0\n", "1\n", "2\n"} {
				capture(t, dir, cfg, map[Stream]string{Stdout: s})
			}
			if err := interrupt(dir); err != nil {
				t.Fatal(err)
			}
			capture(t, dir, cfg, map[Stream]string{Stdout: "3\n"})
			if got, _ := readBack(t, dir, cfg, ReadOptions{Tail: -1}); got[Stdout] != "0\n1\n2\n3\n" {
				t.Errorf("got %q", got[Stdout])
			}
			capture(t, dir, Config{MaxSize: 50, MaxFiles: 2}, map[Stream]string{Stdout: "4\n"})
			if got, _ := readBack(t, dir, cfg, ReadOptions{Tail: -1}); got[Stdout] != "3\n4\n" {
				t.Errorf("with 2 files kept: got %q", got[Stdout])
			}
			checkSizes(t, dir, Config{MaxSize: 50, MaxFiles: 2})
		})
	}
}

// TestWithoutAttributes reads files on a file system without extended attributes.
func TestWithoutAttributes(t *testing.T) {
	dir, cfg := filepath.Join(t.TempDir(), "logs"), Config{MaxSize: 50, MaxFiles: 4}
	for _, s := range []string{"0\n", "1\n", "2\n"} {
		capture(t, dir, cfg, map[Stream]string{Stdout: s})
	}
	for n := range 3 {
		if err := unix.Removexattr(filepath.Join(dir, fileName("log", n)), sequenceAttr); err != nil {
			t.Fatal(err)
		}
	}
	if got, _ := readBack(t, dir, cfg, ReadOptions{Tail: -1}); got[Stdout] != "0\n1\n2\n" {
		t.Errorf("got %q", got[Stdout])
	}
}

// TestPlantedEntries puts symbolic links and FIFOs in place of a log; none is followed.
func TestPlantedEntries(t *testing.T) {
	target := filepath.Join(t.TempDir(), "target")
	if err := os.WriteFile(target, []byte("untouched"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, plant := range map[string]func(dir string) error{
		"directory": func(dir string) error { return os.Symlink(filepath.Dir(target), dir) },
		"file": func(dir string) error {
			return errors.Join(os.Mkdir(dir, 0o700), os.Symlink(target, dir+"/log"))
		},
		"dangling": func(dir string) error {
			return errors.Join(os.Mkdir(dir, 0o700), os.Symlink(target+"2", dir+"/log"))
		},
		"fifo":  func(dir string) error { return errors.Join(os.Mkdir(dir, 0o700), unix.Mkfifo(dir+"/log", 0o600)) },
		"plain": func(dir string) error { return os.WriteFile(dir, nil, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "logs")
			if err := plant(dir); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(dir, Config{}); !errors.Is(err, mctr.ErrInvalid) {
				t.Errorf("Open: %v, want ErrInvalid", err)
			}
			err := Read(t.Context(), dir, Config{}, ReadOptions{Tail: -1}, nil, func(e Entry) error {
				return fmt.Errorf("read %q", e.Text)
			})
			if !errors.Is(err, mctr.ErrInvalid) {
				t.Errorf("Read: %v, want ErrInvalid", err)
			}
		})
	}
	if got, err := os.ReadFile(target); err != nil || string(got) != "untouched" {
		t.Errorf("target: %q, %v", got, err)
	}
	if entries, err := os.ReadDir(filepath.Dir(target)); err != nil || len(entries) != 1 {
		t.Errorf("beside the target: %v, %v", entries, err)
	}
}
