package logs

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestTail compares with the last lines of the whole log.
func TestTail(t *testing.T) {
	rnd := newRandom(t)
	for _, driver := range []string{DriverCRI, DriverJSONFile, DriverRaw} {
		for _, end := range []string{"", "unfinished"} {
			t.Run(driver+end, func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "logs")
				cfg := Config{Driver: driver, MaxSize: int64(amount(70_000)), MaxFiles: 100}
				text := string(randomText(rnd, amount(300_000)))
				text = text[:strings.LastIndexByte(text, '\n')+1] + end
				capture(t, dir, cfg, map[Stream]string{Stdout: text})
				lines := strings.SplitAfter(strings.TrimSuffix(text, "\n"), "\n")
				if end == "" {
					lines[len(lines)-1] += "\n"
				}
				for _, n := range []int{0, 1, 2, 17, len(lines) - 1, len(lines), len(lines) + 1, 1 << 30} {
					got, _ := readBack(t, dir, cfg, ReadOptions{Tail: n, Follow: n%2 == 0})
					want := strings.Join(lines[max(0, len(lines)-n):], "")
					if got[Stdout] != want {
						t.Errorf("tail %d of %d: got %d bytes, want %d", n, len(lines), len(got[Stdout]), len(want))
					}
				}
			})
		}
	}
}

// TestSelect reads by streams and times, alone and with a tail.
func TestSelect(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	cfg := Config{MaxSize: 100, MaxFiles: 100}
	for i := range 6 {
		capture(t, dir, cfg, map[Stream]string{[]Stream{Stdout, Stderr}[i%2]: fmt.Sprintln(i)})
	}
	_, all := readBack(t, dir, cfg, ReadOptions{Tail: -1})
	if len(all) != 6 {
		t.Fatalf("%d entries, want 6", len(all))
	}
	for _, c := range []struct {
		o    ReadOptions
		want string
	}{
		{ReadOptions{Tail: -1, Streams: Stdout}, "0 2 4"},
		{ReadOptions{Tail: 2, Streams: Stderr}, "3 5"},
		{ReadOptions{Tail: 0}, ""},
		{ReadOptions{Tail: -1, Since: all[2].Time}, "2 3 4 5"},
		{ReadOptions{Tail: -1, Since: all[5].Time.Add(time.Hour)}, ""},
		{ReadOptions{Tail: -1, Until: all[2].Time}, "0 1"},
		{ReadOptions{Tail: -1, Since: all[1].Time, Until: all[4].Time, Follow: true}, "1 2 3"},
		{ReadOptions{Tail: 1, Until: all[4].Time, Streams: Stdout | Stderr}, "3"},
	} {
		_, entries := readBack(t, dir, cfg, c.o)
		var got []string
		for _, e := range entries {
			got = append(got, string(e.Text))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%+v: got %v, want %s", c.o, got, c.want)
		}
	}
}
