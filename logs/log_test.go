package logs

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// capture writes each text to its stream of a log in dir and closes the log.
func capture(t *testing.T, dir string, cfg Config, texts map[Stream]string) Stats {
	t.Helper()
	l, err := Open(dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	for s, text := range texts {
		w := captured(t, l, s)
		if _, err := w.WriteString(text); err != nil {
			t.Fatal(err)
		}
		_ = w.Close()
	}
	for s := range texts {
		<-l.streams[s].capture.Done()
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Stats()
}

// captured starts the capture of s and returns the write end, which a task would have.
func captured(t *testing.T, l *Log, s Stream) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	if _, err := l.Capture(s, r); err != nil {
		t.Fatal(err)
	}
	return w
}

// readBack returns what each stream printed, and the entries.
func readBack(t *testing.T, dir string, cfg Config, o ReadOptions) (map[Stream]string, []Entry) {
	t.Helper()
	texts := map[Stream]string{}
	var all []Entry
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ended := make(chan struct{})
	close(ended)
	err := Read(ctx, dir, cfg, o, ended, func(e Entry) error {
		e.Text = append([]byte(nil), e.Text...)
		all = append(all, e)
		texts[e.Stream] += string(e.Text)
		if !e.Partial && !e.Gap {
			texts[e.Stream] += "\n"
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts, all
}

func TestRoundTrip(t *testing.T) {
	texts := map[Stream]string{
		Stdout: "one\ntwo\n\n" + strings.Repeat("x", 3*maxText) + "\nunfinished",
		Stderr: "err \"quoted\" \\ \x01 \xff\xfe é\r\n",
	}
	for _, driver := range []string{DriverCRI, DriverJSONFile, DriverRaw} {
		for _, follow := range []bool{false, true} {
			t.Run(driver, func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "logs")
				cfg := Config{Driver: driver}
				stats := capture(t, dir, cfg, texts)
				got, _ := readBack(t, dir, cfg, ReadOptions{Tail: -1, Follow: follow})
				for s, want := range texts {
					if got[s] != want {
						t.Errorf("%s: got %q, want %q", s, got[s], want)
					}
				}
				if want := int64(len(texts[Stdout]) + len(texts[Stderr])); stats.Bytes != want || stats.Dropped != 0 {
					t.Errorf("stats %+v, want %d bytes", stats, want)
				}
			})
		}
	}
}
