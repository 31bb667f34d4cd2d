package work

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const block = 1 << 20

func (w Work) path(name string) string { return filepath.Join(w.Dir, name) }

// data returns the bytes that follow from the seed.
func data(seed uint64) io.Reader {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	return rand.NewChaCha8(key)
}

// Sum returns the SHA-256 of the data, in hex, without a look at a file.
func (w Work) Sum() string {
	sum := sha256.New()
	_, _ = io.CopyN(sum, data(w.Seed), w.Size) // neither can fail
	return hex.EncodeToString(sum.Sum(nil))
}

func (w Work) look(context.Context) (*Answer, error) {
	sum, err := w.read()
	if errors.Is(err, fs.ErrNotExist) {
		return &Answer{}, nil
	}
	return &Answer{Found: true, SHA256: sum}, err
}

func (w Work) keep(ctx context.Context) (*Answer, error) {
	a, err := w.look(ctx)
	if err != nil || a.Found {
		return a, err
	}
	if err := w.write(); err != nil {
		return nil, err
	}
	a.SHA256, err = w.read()
	return a, err
}

// write writes the data and syncs them and the directory.
func (w Work) write() error {
	f, err := os.Create(w.path("data"))
	if err != nil {
		return err
	}
	_, err = io.CopyN(f, data(w.Seed), w.Size)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	dir, err := os.Open(w.Dir)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// read returns the SHA-256 of the data on the storage.
func (w Work) read() (string, error) {
	f, err := os.Open(w.path("data"))
	if err != nil {
		return "", err
	}
	defer f.Close()
	if err := forget(f); err != nil {
		return "", err
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// forget asks the kernel to drop the pages of f from memory, so that reads reach the storage.
func forget(f *os.File) error { return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) }

// goOn writes another file over and over, so that a kill hits a process with writes under way.
func (w Work) goOn(ctx context.Context) error {
	f, err := os.Create(w.path("torn"))
	if err != nil {
		return err
	}
	defer f.Close()
	source, buf := data(w.Seed+1), make([]byte, 64<<10)
	for at := int64(0); ctx.Err() == nil; at += int64(len(buf)) {
		_, _ = source.Read(buf) // cannot fail
		if _, err := f.WriteAt(buf, at%max(w.Size/4, 1)); err != nil {
			return err
		}
	}
	return nil
}

func (w Work) clear(context.Context) (*Answer, error) {
	var errs []error
	for _, name := range []string{"data", "torn", "counter", "log", "lock", "filler", "load"} {
		if err := os.Remove(w.path(name)); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return &Answer{}, errors.Join(errs...)
}
