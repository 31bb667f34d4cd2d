package logs

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// newRandom returns a generator seeded from MCTR_TEST_SEED or the clock, and prints the seed.
func newRandom(t *testing.T) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	if v := os.Getenv("MCTR_TEST_SEED"); v != "" {
		var err error
		if seed, err = strconv.ParseUint(v, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("MCTR_TEST_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// amount returns n, or less if time is short.
func amount(n int) int {
	if testing.Short() {
		return n / 10
	}
	return n
}

// randomText returns n bytes like a task's output: lines of all lengths, text and binary.
func randomText(rnd *rand.Rand, n int) []byte {
	text := make([]byte, 0, n)
	for len(text) < n {
		length := []int{0, 1, 80, 300, maxText - 1, maxText, maxText + 1, 3 * maxText}[rnd.IntN(8)]
		length = min(rnd.IntN(length+1), n-len(text))
		for range length {
			switch rnd.IntN(40) {
			case 0:
				text = append(text, byte(rnd.IntN(256)))
			case 1:
				text = append(text, "é漢"...)
			default:
				text = append(text, byte('a'+rnd.IntN(26)))
			}
		}
		text = append(text, '\n')
	}
	return text[:n]
}

// write writes text in pieces of random sizes.
func write(t *testing.T, rnd *rand.Rand, w *os.File, text []byte) {
	for len(text) > 0 {
		n := min(1+rnd.IntN(1<<uint(rnd.IntN(18))), len(text))
		if _, err := w.Write(text[:n]); err != nil {
			t.Error(err)
			return
		}
		text = text[n:]
	}
}

// session is the life of one writer: both streams at once.
func session(t *testing.T, rnd *rand.Rand, dir string, cfg Config, texts map[Stream][]byte) Stats {
	l, err := Open(dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for s, text := range texts {
		w, own := captured(t, l, s), rand.New(rand.NewPCG(rnd.Uint64(), 0))
		wg.Go(func() {
			write(t, own, w, text)
			_ = w.Close()
			<-l.streams[s].capture.Done()
		})
	}
	wg.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Stats()
}

// TestWhatIsWrittenIsReadBack: for every driver, size of files and number of consecutive writers,
// any output in any pieces is read back.
func TestWhatIsWrittenIsReadBack(t *testing.T) {
	rnd := newRandom(t)
	for i := range amount(30) {
		cfg := Config{
			Driver:   []string{DriverCRI, DriverJSONFile, DriverRaw}[i%3],
			MaxSize:  []int64{0, 1, 1000, 20_000, 300_000}[rnd.IntN(5)],
			MaxFiles: maxFiles,
		}
		t.Run(fmt.Sprintf("%s/%d", cfg.Driver, cfg.MaxSize), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "logs")
			want := map[Stream][]byte{}
			for range 1 + rnd.IntN(3) {
				size := amount(rnd.IntN(1 << uint(10+rnd.IntN(10))))
				if cfg.MaxSize == 1 {
					size = min(size, 100) // one line in each file or, for raw, one byte
				}
				texts := map[Stream][]byte{Stdout: randomText(rnd, size), Stderr: randomText(rnd, size/3)}
				session(t, rnd, dir, cfg, texts)
				want[Stdout] = append(want[Stdout], texts[Stdout]...)
				want[Stderr] = append(want[Stderr], texts[Stderr]...)
			}
			checkSizes(t, dir, cfg)
			got, _ := readBack(t, dir, cfg, ReadOptions{Tail: -1, Follow: rnd.IntN(2) == 0})
			for s, text := range want {
				if got[s] != string(text) {
					t.Errorf("%s: %d bytes read, %d written, alike up to %d", s, len(got[s]), len(text),
						common(got[s], string(text)))
				}
			}
		})
	}
}

// TestOldFilesGo checks that rotation keeps the end of the output.
func TestOldFilesGo(t *testing.T) {
	rnd := newRandom(t)
	for _, driver := range []string{DriverCRI, DriverJSONFile, DriverRaw} {
		for _, files := range []int{1, 2, 7} {
			t.Run(fmt.Sprintf("%s/%d", driver, files), func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "logs")
				cfg := Config{Driver: driver, MaxSize: 50_000, MaxFiles: files}
				text := randomText(rnd, amount(1<<20))
				session(t, rnd, dir, cfg, map[Stream][]byte{Stdout: text})
				checkSizes(t, dir, cfg)
				got, _ := readBack(t, dir, cfg, ReadOptions{Tail: -1})
				if got[Stdout] == "" || !strings.HasSuffix(string(text), got[Stdout]) {
					t.Errorf("the %d bytes read are not the end of the %d written", len(got[Stdout]), len(text))
				}
			})
		}
	}
}

// checkSizes checks the number, sizes and names of the files in dir.
func checkSizes(t *testing.T, dir string, cfg Config) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, e := range entries {
		base, _, _ := strings.Cut(e.Name(), ".")
		count[base]++
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		single := cfg.Driver != DriverRaw && bytes.IndexByte(data, '\n') == len(data)-1
		if cfg.MaxSize > 0 && int64(len(data)) > cfg.MaxSize && !single {
			t.Errorf("%s has %d bytes, more than %d, in more than one line", e.Name(), len(data), cfg.MaxSize)
		}
	}
	for name, n := range count {
		if cfg.files()[name] == 0 || n > cfg.MaxFiles {
			t.Errorf("%d files called %s, want at most %d of %v", n, name, cfg.MaxFiles, cfg.files())
		}
	}
}

func common(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}
