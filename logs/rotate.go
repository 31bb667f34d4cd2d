package logs

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// newSuffix ends the name of a next file before it takes the place of its predecessor.
const newSuffix = ".new"

// fileName is the name of a log file that was rotated n times.
func fileName(name string, n int) string {
	if n == 0 {
		return name
	}
	return name + "." + strconv.Itoa(n)
}

// rotate gives the file the name NAME.1 and goes on in a new one. The new one
// is made first: where that fails, for want of space for instance, nothing has
// changed and the old one is written on.
func (f *file) rotate() error {
	next, err := f.dir.open(f.name+newSuffix, os.O_RDWR|os.O_CREATE|os.O_EXCL|os.O_APPEND)
	if err != nil {
		return fmt.Errorf("rotate log: %w", err)
	}
	victim := f.sizeOf(fileName(f.name, f.free()))
	writeSequence(next, f.seq+1)
	writeRemoved(next, f.past+f.removed+victim)
	if err := f.shift(); err != nil {
		_ = next.Close()
		return errors.Join(fmt.Errorf("rotate log: %w", err), f.dir.unlink(f.name+newSuffix))
	}
	_ = f.f.Close()
	f.f, f.size, f.torn = next, 0, false
	f.seq++
	f.removed += victim
	return nil
}

// shift moves every name up by one, the highest first, so that a reader that
// looks from NAME upwards misses none; the oldest file goes when its name is taken.
func (f *file) shift() error {
	for n := f.free(); n > 0; n-- {
		if err := f.dir.rename(fileName(f.name, n-1), fileName(f.name, n)); err != nil {
			return err
		}
	}
	err := f.dir.rename(f.name+newSuffix, f.name)
	if err != nil && f.keep > 1 {
		err = errors.Join(err, f.dir.rename(fileName(f.name, 1), f.name))
	}
	return err
}

// free is the lowest number that no file has, or the highest allowed.
func (f *file) free() int {
	for n := 1; n < f.keep; n++ {
		if _, err := f.dir.stat(fileName(f.name, n)); errors.Is(err, unix.ENOENT) {
			return n
		}
	}
	return f.keep - 1
}

// tidy removes what a writer left that died while it rotated, and files beyond
// those that are kept now.
func (f *file) tidy() error {
	names, err := f.dir.list()
	if err != nil {
		return err
	}
	for _, name := range names {
		if f.surplus(name) {
			size := f.sizeOf(name)
			if err := f.dir.unlink(name); err != nil {
				return err
			}
			f.removed += size
		}
	}
	return nil
}

func (f *file) surplus(name string) bool {
	suffix, ok := strings.CutPrefix(name, f.name+".")
	n, err := strconv.Atoi(suffix)
	return ok && (name == f.name+newSuffix || err == nil && n >= f.keep)
}

// previous gives the marks of the newest rotated file, 0 where there is none.
func (f *file) previous() (seq uint64, removed int64) {
	for n := 1; n < f.keep; n++ {
		if previous, err := f.dir.open(fileName(f.name, n), os.O_RDONLY); err == nil {
			defer previous.Close()
			return readSequence(previous), readRemoved(previous)
		}
	}
	return 0, 0
}
