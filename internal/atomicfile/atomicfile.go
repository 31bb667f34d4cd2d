// Package atomicfile replaces files whole: a reader sees the old content or the
// new one, never a part, and a process killed in between leaves at most a
// temporary file whose name starts with [TempPrefix].
//
// On disk: the file, and while writing a temporary one beside it. Two forms:
// [Write] survives the death of the process, [WriteDurable] also the loss of
// power (fsync of file and directory, fsync(2)).
package atomicfile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/mctr/mctr/internal/fields"
)

// TempPrefix starts the name of every temporary file of this package.
const TempPrefix = ".tmp-"

// Write replaces path by data through a temporary name and rename(2).
func Write(path string, data []byte, perm os.FileMode) error {
	return replace(path, data, perm, false)
}

// WriteDurable is Write that returns only when the content and its name are on
// stable storage. It costs two fsyncs.
func WriteDurable(path string, data []byte, perm os.FileMode) error {
	if err := replace(path, data, perm, true); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// WriteJSON is Write of v's JSON form, mode 0600.
func WriteJSON(path string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	return Write(path, data, 0o600)
}

// WriteDurableJSON is WriteDurable of v's JSON form, mode 0600.
func WriteDurableJSON(path string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	return WriteDurable(path, data, 0o600)
}

// ReadJSON decodes path into v, also what an earlier build wrote there: see
// fields.Unmarshal. An error names the file.
func ReadJSON(path string, v any) error {
	data, err := Read(path)
	if err != nil {
		return err
	}
	if err := fields.Unmarshal(data, v); err != nil {
		return fmt.Errorf("decode %s: %w", path, err)
	}
	return nil
}

// Read is os.ReadFile of a regular file: a pipe or a device in its place is an error, and
// the caller does not wait for it.
func Read(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &os.PathError{Op: "read", Path: path, Err: errors.New("want a regular file")}
	}
	return io.ReadAll(f)
}

// SyncDir makes the names in dir durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// IsTemp reports whether name is one of this package's temporary files.
func IsTemp(name string) bool { return strings.HasPrefix(filepath.Base(name), TempPrefix) }

// TempOf returns the name of the file that a temporary file of this name was to become; "" if
// it is not one of this package's.
func TempOf(name string) string {
	rest, temp := strings.CutPrefix(filepath.Base(name), TempPrefix)
	end := strings.LastIndexByte(rest, '-') // what os.CreateTemp appends to it is a number
	if !temp || end < 0 {
		return ""
	}
	return rest[:end]
}

func replace(path string, data []byte, perm os.FileMode, durable bool) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), TempPrefix+filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(data); err != nil {
		return err
	}
	if err = f.Chmod(perm); err != nil {
		return err
	}
	if durable {
		if err = f.Sync(); err != nil {
			return err
		}
	}
	if err = f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
