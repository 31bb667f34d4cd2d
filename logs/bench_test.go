package logs

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkCapture writes lines of 100 bytes, 40 in each write, through a pipe into a log of
// rotated files.
func BenchmarkCapture(b *testing.B) {
	chunk := bytes.Repeat(append(bytes.Repeat([]byte{'x'}, 99), '\n'), 40)
	for _, driver := range []string{DriverCRI, DriverJSONFile, DriverRaw} {
		b.Run(driver, func(b *testing.B) {
			l, err := Open(filepath.Join(b.TempDir(), "logs"), Config{Driver: driver, MaxSize: 64 << 20, MaxFiles: 3})
			if err != nil {
				b.Fatal(err)
			}
			r, w, err := os.Pipe()
			if err != nil {
				b.Fatal(err)
			}
			c, err := l.Capture(Stdout, r)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(chunk)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.Write(chunk); err != nil {
					b.Fatal(err)
				}
			}
			_ = w.Close()
			<-c.Done()
			if err := l.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkEncode measures only the framing.
func BenchmarkEncode(b *testing.B) {
	data := bytes.Repeat(append(bytes.Repeat([]byte{'x'}, 99), '\n'), 10_000)
	for _, driver := range []string{DriverCRI, DriverJSONFile} {
		b.Run(driver, func(b *testing.B) {
			l := &Log{enc: newEncoder(driver), out: make(buffer, batchSize)}
			null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
			if err != nil {
				b.Fatal(err)
			}
			defer null.Close()
			st := &stream{name: Stdout, file: &file{f: null, lines: true}}
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				l.write(st, data, len(data), false)
			}
		})
	}
}
