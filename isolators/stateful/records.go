// Package stateful is for isolators that act on the host: records that no crash tears, and
// commands that cannot hold up the agent. Package mctr's isolators and those of other
// modules use it alike.
//
// On disk: a directory per container and isolator, DIR/<isolator> in ROOT or in STATE, with
// a file for each record. In the kernel: nothing but the commands that Run starts. Records
// below ROOT survive a reboot.
package stateful

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/atomicfile"
)

// Records are those of one isolator about one container. A record is written before the
// act that it is about: where the process is killed in between, Cleanup and Recover find
// what they have to look for.
type Records struct {
	of, dir string // the container's directory, and the isolator's in it
	durable bool
}

// Durable are records that survive a reboot, and the loss of power from when Write returns:
// about what is not in this kernel alone, such as an address that a server has assigned.
func Durable(h mctr.Handle, isolator string) Records {
	return Records{of: h.Dir, dir: filepath.Join(h.Dir, isolator), durable: true}
}

// UntilReboot are records that end with the boot, as the kernel's objects do.
func UntilReboot(h mctr.Handle, isolator string) Records {
	return Records{of: h.State, dir: filepath.Join(h.State, isolator)}
}

// Path is the file of the record called name, a plain file name.
func (r Records) Path(name string) string { return filepath.Join(r.dir, name+".json") }

// Write replaces the record called name by v's JSON form. A reader sees the old record or
// the new one, whole. The error wraps fs.ErrNotExist where the container is gone.
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
	for dir := r.dir; dir != r.of; dir = filepath.Dir(dir) { // each may just have been made
		errs = append(errs, atomicfile.SyncDir(filepath.Dir(dir)))
	}
	return errors.Join(errs...)
}

// Read decodes the record called name into v. The error wraps fs.ErrNotExist where there is
// none.
func (r Records) Read(name string, v any) error { return atomicfile.ReadJSON(r.Path(name), v) }

// Remove removes all of them. Records that do not exist are no error.
func (r Records) Remove() error { return os.RemoveAll(r.dir) }
