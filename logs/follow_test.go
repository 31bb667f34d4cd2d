package logs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mctr/mctr"
)

// TestFollowersMissNothing: several readers follow a writer that rotates as fast as it can, with
// enough files kept.
func TestFollowersMissNothing(t *testing.T) {
	for _, driver := range []string{DriverCRI, DriverJSONFile, DriverRaw} {
		t.Run(driver, func(t *testing.T) {
			rnd := newRandom(t)
			dir := filepath.Join(t.TempDir(), "logs")
			cfg := Config{Driver: driver, MaxSize: 60_000, MaxFiles: maxFiles}
			l, err := Open(dir, cfg)
			if err != nil {
				t.Fatal(err)
			}
			texts := map[Stream][]byte{Stdout: randomText(rnd, amount(2<<20)), Stderr: randomText(rnd, amount(1<<20))}
			ended := make(chan struct{})
			var readers, writers sync.WaitGroup
			for range 3 {
				readers.Go(func() {
					if err := follow(t, dir, cfg, ended, texts); err != nil {
						t.Error(err)
					}
				})
			}
			for s, text := range texts {
				w := captured(t, l, s)
				writers.Go(func() {
					for i := 0; i < len(text); i += 9999 {
						if _, err := w.Write(text[i:min(i+9999, len(text))]); err != nil {
							t.Error(err)
						}
					}
					_ = w.Close()
					<-l.streams[s].capture.Done()
				})
			}
			writers.Wait()
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			close(ended)
			readers.Wait()
		})
	}
}

// follow reads to the end and compares the result with want.
func follow(t *testing.T, dir string, cfg Config, ended chan struct{}, want map[Stream][]byte) error {
	got := map[Stream]*bytes.Buffer{Stdout: {}, Stderr: {}}
	err := Read(t.Context(), dir, cfg, ReadOptions{Follow: true, Tail: -1}, ended, func(e Entry) error {
		if e.Gap {
			return errors.New("a gap, though all files are kept")
		}
		got[e.Stream].Write(e.Text)
		if !e.Partial {
			got[e.Stream].WriteByte('\n')
		}
		return nil
	})
	for s, text := range want {
		if g := got[s].Bytes(); !bytes.Equal(g, text) {
			return fmt.Errorf("%s: %d bytes read, %d written, alike up to %d: %w", s, len(g), len(text),
				common(string(g), string(text)), err)
		}
	}
	return err
}

// TestAnOvertakenFollowerIsTold stops one reader at its first entry until its file and the next one
// were removed, and another until only its own file was.
func TestAnOvertakenFollowerIsTold(t *testing.T) {
	for rotations, gap := range map[int]bool{1: false, 2: false, 3: true, 9: true} {
		t.Run(fmt.Sprint(rotations), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "logs")
			cfg := Config{MaxSize: 100, MaxFiles: 2} // two lines in each file
			capture(t, dir, cfg, map[Stream]string{Stdout: "0\n1\n"})
			ended := make(chan struct{})
			var got []string
			err := Read(t.Context(), dir, cfg, ReadOptions{Follow: true, Tail: -1}, ended, func(e Entry) error {
				if e.Gap {
					got = append(got, "gap")
					return nil
				}
				if got = append(got, string(e.Text)); len(got) == 1 {
					for i := range rotations {
						capture(t, dir, cfg, map[Stream]string{Stdout: fmt.Sprintf("%d\n%d\n", 2*i+2, 2*i+3)})
					}
					close(ended)
				}
				return nil
			})
			want := []string{"0", "1"}
			if gap {
				want = append(want, "gap")
			}
			for i := max(2, 2*rotations-2); i < 2*rotations+2; i++ {
				want = append(want, fmt.Sprint(i))
			}
			if err != nil || strings.Join(got, " ") != strings.Join(want, " ") {
				t.Errorf("got %v, want %v; error %v", got, want, err)
			}
		})
	}
}

func TestFollowEnds(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	capture(t, dir, Config{}, map[Stream]string{Stdout: "a line\n"})
	cancelled, cancel := context.WithCancel(t.Context())
	boom := errors.New("boom")
	for _, c := range []struct {
		name string
		ctx  context.Context
		o    ReadOptions
		on   func() error
		want error
	}{
		{"cancel", cancelled, ReadOptions{}, func() error { cancel(); return nil }, context.Canceled},
		{"emit", t.Context(), ReadOptions{}, func() error { return boom }, boom},
		{"until", t.Context(), ReadOptions{Until: time.Now().Add(50 * time.Millisecond)}, func() error { return nil },
			nil},
		{"removed", t.Context(), ReadOptions{}, func() error { return os.RemoveAll(dir) }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.o.Follow, c.o.Tail = true, -1
			err := Read(c.ctx, dir, Config{}, c.o, nil, func(Entry) error { return c.on() })
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

// TestFollowsWithoutInotify follows on a host that refuses inotify.
func TestFollowsWithoutInotify(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	capture(t, dir, Config{}, map[Stream]string{Stdout: "one\n"})
	d, err := openDirectory(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	ended := make(chan struct{})
	var got string
	r := &reader{options: ReadOptions{Follow: true, Tail: -1}, watch: &watch{}, emit: func(e Entry) error {
		if got += string(e.Text) + " "; got == "one " {
			go func() {
				capture(t, dir, Config{}, map[Stream]string{Stdout: "two\n"})
				close(ended)
			}()
		}
		return nil
	}}
	defer r.close()
	stop, cancel := r.end(t.Context(), ended)
	defer cancel()
	if err := r.run(t.Context(), stop, d, Config{}.withDefaults()); err != nil || got != "one two " {
		t.Errorf("got %q, error %v", got, err)
	}
}

func TestReadRefuses(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	for _, c := range []struct {
		cfg  Config
		o    ReadOptions
		want error
	}{
		{Config{}, ReadOptions{}, mctr.ErrNotFound},
		{Config{Driver: DriverNone}, ReadOptions{}, mctr.ErrUnsupported},
		{Config{Driver: DriverRaw}, ReadOptions{Since: time.Now()}, mctr.ErrInvalid},
		{Config{Driver: DriverRaw}, ReadOptions{Until: time.Now()}, mctr.ErrInvalid},
		{Config{Driver: "x"}, ReadOptions{}, mctr.ErrInvalid},
	} {
		if err := Read(t.Context(), none, c.cfg, c.o, nil, nil); !errors.Is(err, c.want) {
			t.Errorf("%+v %+v: %v, want %v", c.cfg, c.o, err, c.want)
		}
	}
}
