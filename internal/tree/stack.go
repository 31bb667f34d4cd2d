package tree

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/visible"
)

const (
	// batch is how many names of a directory are held at a time: a directory may have millions.
	batch = 4096
	// mostOpen is how many directories are open at a time, if those above are small enough to be
	// read completely.
	mostOpen = 32
	// mostLarge is how many directories with more than one batch of names may be nested.
	mostLarge = 128
)

// ErrMoved is returned if a directory was moved while it was walked. The walk left out the rest of
// the directories above it.
var ErrMoved = errors.New("a directory was moved while it was read")

// errCrowded is returned if a stack would need too many descriptors.
var errCrowded = fmt.Errorf("more than %d nested large directories", mostLarge)

// A stack holds the directories from the root of a walk to the current one.
type stack struct {
	batch  int
	levels []*level
	open   int
	closed int // levels[:closed] are closed, except the root and large ones
}

type level struct {
	dir     *os.File // nil while closed
	id      inode
	name    string
	names   []string // names that were read but not yet returned
	whole   bool     // names holds all remaining entries
	removed int      // entries removed since the directory was last read from its beginning
	stays   bool     // an entry could not be removed
}

type inode struct{ dev, ino uint64 }

func identify(f *os.File) (inode, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return inode{}, err
	}
	return inode{st.Dev, st.Ino}, nil
}

func (s *stack) top() *level { return s.levels[len(s.levels)-1] }

// push adds dir, which the stack closes.
func (s *stack) push(dir *os.File, name string) error {
	id, err := identify(dir)
	if err == nil && s.open >= mostOpen {
		err = s.spare()
	}
	if err != nil {
		return errors.Join(err, dir.Close())
	}
	s.levels = append(s.levels, &level{dir: dir, id: id, name: name})
	s.open++
	return nil
}

// spare closes the topmost directory that need not be read further.
func (s *stack) spare() error {
	for s.closed = max(s.closed, 1); s.closed < len(s.levels); {
		l := s.levels[s.closed]
		s.closed++
		if l.dir != nil && l.whole {
			s.open--
			err := l.dir.Close()
			l.dir = nil
			return err
		}
	}
	if s.open >= mostOpen+mostLarge {
		return errCrowded
	}
	return nil
}

// next returns the next name in the directory at the top, or false at its end.
func (s *stack) next() (string, bool, error) {
	l := s.top()
	if len(l.names) == 0 && !l.whole {
		names, err := l.dir.Readdirnames(s.batch)
		if err != nil && !errors.Is(err, io.EOF) {
			return "", false, err
		}
		slices.Sort(names)
		l.names, l.whole = names, len(names) < s.batch
	}
	if len(l.names) == 0 {
		return "", false, nil
	}
	name := l.names[0]
	l.names = l.names[1:]
	return name, true, nil
}

// parent opens the directory above the top if it is closed. It is the parent of the top, unless the
// top was moved.
func (s *stack) parent() error {
	above, l := s.levels[len(s.levels)-2], s.top()
	if above.dir != nil {
		return nil
	}
	fd, err := unix.Openat(int(l.dir.Fd()), "..", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	dir := os.NewFile(uintptr(fd), above.name)
	if id, err := identify(dir); err != nil || id != above.id {
		return errors.Join(ErrMoved, err, dir.Close())
	}
	above.dir = dir
	s.open++
	return nil
}

// pop removes the top and every closed directory above it, so that the new top is open.
func (s *stack) pop() (err error) {
	if len(s.levels) > 1 {
		err = s.parent()
	}
	for {
		l := s.top()
		s.levels = s.levels[:len(s.levels)-1]
		if l.dir != nil {
			s.open--
			_ = l.dir.Close() // it was only read
		}
		if len(s.levels) == 0 || s.top().dir != nil {
			break
		}
	}
	s.closed = min(s.closed, max(len(s.levels)-1, 0)) // the top may have been opened again
	return err
}

func (s *stack) close() {
	for _, l := range s.levels {
		if l.dir != nil {
			_ = l.dir.Close()
		}
	}
}

// path returns the path of name below the root, shortened if it is long.
func (s *stack) path(name string) string {
	var names []string
	for _, l := range s.levels {
		names = append(names, l.name)
	}
	return Short(strings.Join(append(names, name), "/"))
}

func (s *stack) fail(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: s.path(name), Err: err}
}

// longest is the most bytes of a path that an error shows.
const longest = 300

// Short returns path without its middle if it is long.
func Short(path string) string { return visible.Middle(path, longest) }
