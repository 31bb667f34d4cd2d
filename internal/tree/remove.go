package tree

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Remove removes path and everything in it. It succeeds if path does not exist. It continues after
// errors, and does not enter mounts.
func Remove(path string) error {
	path = filepath.Clean(path)
	if err := unix.Unlink(path); err == nil || errors.Is(err, unix.ENOENT) || unix.Rmdir(path) == nil {
		return nil
	}
	above, err := openDir(unix.AT_FDCWD, filepath.Dir(path), 0)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return &os.PathError{Op: "remove", Path: Short(path), Err: err}
	}
	s := &stack{batch: batch}
	defer s.close()
	if err := s.push(above, filepath.Dir(path)); err != nil {
		return &os.PathError{Op: "remove", Path: Short(path), Err: err}
	}
	s.top().names, s.top().whole = []string{filepath.Base(path)}, true
	r := remover{stack: s}
	r.all()
	if r.failed > 1 {
		return fmt.Errorf("%w (and %d more could not be removed)", r.first, r.failed-1)
	}
	return r.first
}

type remover struct {
	*stack
	first  error
	failed int
}

func (r *remover) note(op, name string, err error) {
	if err == nil || errors.Is(err, unix.ENOENT) {
		return
	}
	r.top().stays = true
	if r.failed++; r.first == nil {
		r.first = r.fail(op, name, err)
	}
}

// all removes the entries listed in the bottom level of the stack, but not that directory itself.
func (r *remover) all() {
	for {
		name, ok, err := r.next()
		switch {
		case err != nil:
			r.note("read directory", "", err)
			r.leave()
		case ok:
			r.remove(name)
		case len(r.levels) == 1:
			return
		default:
			r.leave()
		}
	}
}

func (r *remover) remove(name string) {
	l := r.top()
	err := unix.Unlinkat(int(l.dir.Fd()), name, 0)
	if err == nil {
		l.removed++
		return
	}
	if !errors.Is(err, unix.EISDIR) && !errors.Is(err, unix.EPERM) {
		r.note("remove", name, err)
		return
	}
	// An empty directory can be removed without reading it.
	if unix.Unlinkat(int(l.dir.Fd()), name, unix.AT_REMOVEDIR) == nil {
		l.removed++
		return
	}
	dir, openErr := openDir(int(l.dir.Fd()), name, unix.RESOLVE_NO_XDEV)
	switch {
	case errors.Is(openErr, unix.ENOTDIR), errors.Is(openErr, unix.ELOOP):
		r.note("remove", name, err)
	case errors.Is(openErr, unix.EXDEV):
		r.note("remove", name, fmt.Errorf("something is mounted there: %w", unix.EBUSY))
	case openErr != nil:
		r.note("open", name, openErr)
	default:
		if err := r.push(dir, name); err != nil {
			r.note("open", name, err)
		}
	}
}

// leave removes the directory at the top, which was emptied, and continues above it. It reads a
// directory again if entries remain that the kernel did not list while others were removed.
func (r *remover) leave() {
	l := r.top()
	if err := r.parent(); err != nil {
		r.note("leave", "", err)
		_ = r.pop() // its error would be the same
		return
	}
	above := r.levels[len(r.levels)-2]
	err := unix.Unlinkat(int(above.dir.Fd()), l.name, unix.AT_REMOVEDIR)
	if errors.Is(err, unix.ENOTEMPTY) && l.removed > 0 && !l.stays {
		if _, err := l.dir.Seek(0, 0); err == nil {
			l.removed, l.whole = 0, false
			return
		}
	}
	switch {
	case err == nil, errors.Is(err, unix.ENOENT):
		above.removed++
	case l.stays:
		above.stays = true // its content was reported already
	default:
		r.note("remove", "", err)
		above.stays = true
	}
	_ = r.pop() // its parent is open
}
