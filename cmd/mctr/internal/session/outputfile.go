package session

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/internal/atomicfile"
)

// WriteWhole calls write to fill a file, and replaces path with the file when it is complete. After a
// failure path is unchanged. If path exists and is not a regular file, such as a named pipe, write
// writes to it directly.
func WriteWhole(ctx context.Context, path string, write func(io.Writer) error) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return replaceWhole(path, write)
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("%w: %s is a directory", mctr.ErrInvalid, path)
	case info.Mode().IsRegular():
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return err
		}
		return replaceWhole(path, write)
	}
	f, err := openContext(ctx, path, os.O_WRONLY)
	if err != nil {
		return err
	}
	return errors.Join(Buffered(f, write), f.Close())
}

func replaceWhole(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), atomicfile.TempPrefix+filepath.Base(path)+"-") // of mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if err := Buffered(f, write); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// Buffered calls write with a buffered w.
func Buffered(w io.Writer, write func(io.Writer) error) error {
	b := bufio.NewWriterSize(w, 256<<10)
	if err := write(b); err != nil {
		return err
	}
	return b.Flush()
}

// ToStdout calls write with stdout. It fails if stdout is a terminal, which cannot show an archive.
func ToStdout(what string, write func(io.Writer) error) error {
	if format.IsTerminal(os.Stdout) {
		return fmt.Errorf("%w: cowardly refusing to write %s to a terminal: redirect it", mctr.ErrInvalid, what)
	}
	return Buffered(os.Stdout, write)
}
