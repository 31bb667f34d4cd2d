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

	"golang.org/x/term"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/atomicfile"
)

// WriteWhole lets write fill a file that gets its name when it is whole: after a
// failure what was there before is there still, and nothing else. A path that
// exists and is no regular file, such as a named pipe, is written to as it is.
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

// Buffered lets write fill w by way of a buffer.
func Buffered(w io.Writer, write func(io.Writer) error) error {
	b := bufio.NewWriterSize(w, 256<<10)
	if err := write(b); err != nil {
		return err
	}
	return b.Flush()
}

// ToStdout lets write fill stdout, unless that is a terminal: what is an archive
// to a program is noise to a person.
func ToStdout(what string, write func(io.Writer) error) error {
	if term.IsTerminal(int(os.Stdout.Fd())) {
		return fmt.Errorf("%w: cowardly refusing to write %s to a terminal: redirect it", mctr.ErrInvalid, what)
	}
	return Buffered(os.Stdout, write)
}
