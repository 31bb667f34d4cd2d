// Package stateful is for isolators that act on the host. It has records that a crash cannot tear,
// and commands that cannot hold up the agent. mctr's isolators and those of other modules use it
// alike.
//
// On disk: a directory for each container and isolator, DIR/<isolator> in ROOT or in STATE, with a
// file for each record. In the kernel: only the commands that Run starts. Records below ROOT
// survive a reboot.
package stateful

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/atomicfile"
)

// Records are the records of one isolator about one container. An isolator writes a record before
// the act: if the process is killed in between, Cleanup and Recover find the record.
type Records struct {
	of, dir string // the container's directory, and the isolator's in it
	durable bool
}

// Durable returns records that survive a reboot, and a loss of power once Write has returned. They
// are for objects outside of this kernel, such as an address that a server has assigned.
func Durable(h mctr.Handle, isolator string) Records {
	return Records{of: h.Dir, dir: filepath.Join(h.Dir, isolator), durable: true}
}

// UntilReboot returns records that end with the boot, as the kernel's objects do.
func UntilReboot(h mctr.Handle, isolator string) Records {
	return Records{of: h.State, dir: filepath.Join(h.State, isolator)}
}

// Path returns the file of the record called name, which must be a plain file name.
func (r Records) Path(name string) string { return filepath.Join(r.dir, name+".json") }

// Write replaces the record called name by v's JSON form. A reader sees either the old or the new
// record as a whole. The error wraps fs.ErrNotExist if the container no longer exists.
func (r Records) Write(name string, v any) error {
	_, err := os.Lstat(r.of)
	if err == nil {
		err = os.MkdirAll(r.dir, 0o700)
	}
	if err != nil {
		return fmt.Errorf("write record %s: %w", name, err)
	}
	if !r.durable {
		return atomicfile.WriteJSON(r.Path(name), v)
	}
	errs := []error{atomicfile.WriteDurableJSON(r.Path(name), v)}
	for dir := r.dir; dir != r.of; dir = filepath.Dir(dir) { // each directory may be new
		errs = append(errs, atomicfile.SyncDir(filepath.Dir(dir)))
	}
	return errors.Join(errs...)
}

// Read decodes the record called name into v. The error wraps fs.ErrNotExist if the record does not
// exist.
func (r Records) Read(name string, v any) error { return atomicfile.ReadJSON(r.Path(name), v) }

// Remove removes all records. It succeeds if none exist.
func (r Records) Remove() error { return os.RemoveAll(r.dir) }
