package logs

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// newSuffix is the suffix of the next file before it replaces the current one.
const newSuffix = ".new"

// fileName returns the name of a log file that was rotated n times.
func fileName(name string, n int) string {
	if n == 0 {
		return name
	}
	return name + "." + strconv.Itoa(n)
}

// rotate renames the file to NAME.1 and continues in a new one. It makes the new file first: if
// that fails, for instance because the disk is full, nothing has changed and the old file is still
// written.
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

// shift increments the number in every name, the highest first, so that a reader that opens files
// from NAME upwards misses none. The oldest file is removed when its name is reused.
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

// free returns the lowest number that no file has, or the highest allowed number.
func (f *file) free() int {
	for n := 1; n < f.keep; n++ {
		if _, err := f.dir.stat(fileName(f.name, n)); errors.Is(err, unix.ENOENT) {
			return n
		}
	}
	return f.keep - 1
}

// tidy removes what a writer that died during a rotation left, and files in excess of the current
// limit.
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

// previous returns the counts of the newest rotated file, or 0 if there is none.
func (f *file) previous() (seq uint64, removed int64) {
	for n := 1; n < f.keep; n++ {
		if previous, err := f.dir.open(fileName(f.name, n), os.O_RDONLY); err == nil {
			defer previous.Close()
			return readSequence(previous), readRemoved(previous)
		}
	}
	return 0, 0
}
