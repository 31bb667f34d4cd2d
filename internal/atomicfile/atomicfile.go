// Package atomicfile replaces files as a whole: a reader sees the old content or the new content,
// never a part, and a process that is killed meanwhile leaves at most a temporary file whose name
// starts with [TempPrefix].
//
// On disk: the file, and beside it a temporary file during a write. There are two forms: the result
// of [Write] survives the death of the process; that of [WriteDurable] also a loss of power
// (fsync(2) of file and directory).
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

// TempPrefix is the prefix of the names of this package's temporary files.
const TempPrefix = ".tmp-"

// Write replaces path with data, through a temporary file and rename(2).
func Write(path string, data []byte, perm os.FileMode) error {
	return replace(path, data, perm, false)
}

// WriteDurable is Write that returns only when content and name are on stable storage. It costs two
// fsyncs.
func WriteDurable(path string, data []byte, perm os.FileMode) error {
	if err := replace(path, data, perm, true); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// WriteSynced is Write that costs one fsync: after a loss of power the file has the old content or the
// new as a whole, on every filesystem. For a file whose loss is worse than its age.
func WriteSynced(path string, data []byte, perm os.FileMode) error {
	return replace(path, data, perm, true)
}

// WriteJSON writes v as JSON, with mode 0600.
func WriteJSON(path string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	return Write(path, data, 0o600)
}

// WriteDurableJSON writes v as JSON, durably, with mode 0600.
func WriteDurableJSON(path string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	return WriteDurable(path, data, 0o600)
}

// ReadJSON decodes path into v; it understands what earlier builds wrote (see fields.Unmarshal). An
// error names the file.
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

// Read is os.ReadFile for regular files only: it returns an error for a pipe or a device, which it
// does not wait for.
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

// SyncDir makes the entries of dir durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// IsTemp returns true if name is the name of one of this package's temporary files.
func IsTemp(name string) bool { return strings.HasPrefix(filepath.Base(name), TempPrefix) }

// TempOf returns the name of the file that the temporary file called name would have replaced, or
// "" if name is not that of a temporary file.
func TempOf(name string) string {
	rest, temp := strings.CutPrefix(filepath.Base(name), TempPrefix)
	end := strings.LastIndexByte(rest, '-') // os.CreateTemp appended a number
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
