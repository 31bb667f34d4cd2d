// Package imagetest makes images for tests, including odd and hostile ones: as layouts, as
// archives, and in a registry that counts requests and fails on demand.
package imagetest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Time is the default modification time of entries.
var Time = time.Unix(1_600_000_000, 0)

// An Entry is one entry of a layer.
type Entry struct {
	tar.Header
	Content  string
	Override map[string]string // records of a forged extended header before the entry
}

// Dir returns a directory, owned by root, with this mode.
func Dir(name string, mode int64) Entry {
	return Entry{Header: tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: mode}}
}

// File returns a regular file, owned by root, with mode 0644.
func File(name, content string) Entry {
	return Entry{Header: tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644}, Content: content}
}

// Exec is File with mode 0755.
func Exec(name, content string) Entry { return File(name, content).With(Mode(0o755)) }

// Symlink returns a symbolic link.
func Symlink(name, target string) Entry {
	return Entry{Header: tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}}
}

// Link returns a hard link.
func Link(name, target string) Entry {
	return Entry{Header: tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: target, Mode: 0o644}}
}

// Special returns a device or, with tar.TypeFifo, a named pipe.
func Special(name string, kind byte, major, minor int64) Entry {
	return Entry{Header: tar.Header{Typeflag: kind, Name: name, Mode: 0o600, Devmajor: major, Devminor: minor}}
}

// Whiteout returns an entry that hides name in lower layers.
func Whiteout(name string) Entry {
	i := strings.LastIndexByte(name, '/') + 1
	return File(name[:i]+".wh."+name[i:], "")
}

// Opaque returns an entry that hides everything that lower layers have in dir; "" is the root.
func Opaque(dir string) Entry {
	if dir != "" {
		dir += "/"
	}
	return File(dir+".wh..wh..opq", "")
}

// With returns the entry with changes applied.
func (e Entry) With(changes ...func(*Entry)) Entry {
	for _, c := range changes {
		c(&e)
	}
	return e
}

// Mode sets the mode, setuid, setgid and sticky bits included.
func Mode(m int64) func(*Entry) { return func(e *Entry) { e.Mode = m } }

// Owner sets the owner.
func Owner(uid, gid int) func(*Entry) { return func(e *Entry) { e.Uid, e.Gid = uid, gid } }

// At sets the modification time.
func At(t time.Time) func(*Entry) { return func(e *Entry) { e.ModTime = t } }

// Xattr sets an extended attribute.
func Xattr(name, value string) func(*Entry) { return PAX("SCHILY.xattr."+name, value) }

// PAX sets a record of the extended header.
func PAX(key, value string) func(*Entry) {
	return func(e *Entry) {
		records := map[string]string{key: value}
		for k, v := range e.PAXRecords {
			records[k] = v
		}
		e.PAXRecords = records
	}
}

// Override adds a forged extended header whose records replace fields of the entry, for instance
// its path; tar writers do not write such headers.
func Override(key, value string) func(*Entry) {
	return func(e *Entry) { e.Override = map[string]string{key: value} }
}

// extended returns a pax header with these records: it writes a file and forges its type.
func extended(tb testing.TB, records map[string]string) []byte {
	tb.Helper()
	text := ""
	for k, v := range records {
		body := " " + k + "=" + v + "\n"
		n := len(body) + 2
		if n >= 100 {
			n++
		}
		text += strconv.Itoa(n) + body
	}
	block := Tar(tb, File("PaxHeaders/x", text).With(At(time.Unix(1, 0))))[:512+512*((len(text)+511)/512)]
	block[156] = 'x'
	sum := 8 * int(' ')
	for i, b := range block[:512] {
		if i < 148 || i >= 156 {
			sum += int(b)
		}
	}
	copy(block[148:156], fmt.Sprintf("%06o\x00 ", sum))
	return block
}

// Tar writes entries as a tar stream.
func Tar(tb testing.TB, entries ...Entry) []byte {
	tb.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, e := range entries {
		h := e.Header
		h.Size = int64(len(e.Content))
		if h.ModTime.IsZero() {
			h.ModTime = Time
		}
		h.Format = tar.FormatPAX
		if e.Override != nil {
			if err := w.Flush(); err != nil {
				tb.Fatal(err)
			}
			buf.Write(extended(tb, e.Override))
		}
		if err := w.WriteHeader(&h); err != nil {
			tb.Fatalf("write %s: %v", e.Name, err)
		}
		if _, err := w.Write([]byte(e.Content)); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return buf.Bytes()
}

// Gzip returns data compressed with gzip.
func Gzip(tb testing.TB, data []byte) []byte {
	tb.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := w.Write(data); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return buf.Bytes()
}

// Zstd returns data compressed with zstd.
func Zstd(tb testing.TB, data []byte) []byte {
	tb.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		tb.Fatal(err)
	}
	defer w.Close()
	return w.EncodeAll(data, nil)
}
