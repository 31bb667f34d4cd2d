package cephfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/dirs"
	"github.com/mctr/mctr/internal/proc"
)

// The states of a mount.
const (
	mounting    = "mounting"
	mounted     = "mounted"
	unmounting  = "unmounting"
	quarantined = "quarantined" // it could not be unmounted
)

// A process is identified for ever by its pid and start time.
type process struct {
	Pid   int    `json:"pid"`
	Start uint64 `json:"start"`
}

func (p process) alive() bool { return p.Pid != 0 && proc.Is(p.Pid, p.Start) }

// newProcess returns the process with this pid. If it has ended, the result is not alive.
func newProcess(pid int) process {
	start, _ := proc.StartTime(pid)
	return process{pid, start}
}

// A record is the record of a mount.
type record struct {
	Spec     Spec     `json:"spec"`
	State    string   `json:"state"`
	Kernel   bool     `json:"kernel,omitempty"`   // the kernel's client, not ceph-fuse
	Group    string   `json:"group,omitempty"`    // the control group of ceph-fuse
	Fuse     process  `json:"fuse,omitzero"`      // ceph-fuse
	Device   string   `json:"device,omitempty"`   // MAJOR:MINOR of the mount
	Session  int64    `json:"session,omitempty"`  // the number of the client in the cluster; 0: not known
	Evicted  bool     `json:"evicted,omitempty"`  // the session of a dead client was evicted, or that was tried
	Prober   process  `json:"prober,omitzero"`    // a helper that hangs on the mount
	Evidence []string `json:"evidence,omitempty"` // of a quarantined mount
}

// A mount is one mount, whose record the caller has read under the lock of its Spec.
type mount struct {
	*Mounts
	name string
	record
	unread error // why the record cannot be read
}

func (m *Mounts) load(name string) *mount {
	mt := &mount{Mounts: m, name: name}
	mt.unread = atomicfile.ReadJSON(mt.file("mount.json"), &mt.record)
	return mt
}

func (mt *mount) file(name string) string { return filepath.Join(mt.path(mt.name), name) }

// root is the mount point.
func (mt *mount) root() string { return mt.file("root") }

func (mt *mount) save() error { return atomicfile.WriteJSON(mt.file("mount.json"), mt.record) }

// update changes the record and saves it.
func (mt *mount) update(change func(*record)) error {
	change(&mt.record)
	if err := mt.save(); err != nil {
		return fmt.Errorf("record of %s: %w", mt.Spec, err)
	}
	return nil
}

// hold notes that a container has the mount.
func (mt *mount) hold(by mctr.ContainerID) error {
	err := dirs.MakeAll(mt.file("holders"), 0o700)
	if err == nil {
		err = os.Symlink(string(by), filepath.Join(mt.file("holders"), by.Hash()))
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("note that container %s has %s: %w", by.Short(), mt.Spec, err)
	}
	return nil
}

func (mt *mount) heldBy(id mctr.ContainerID) bool {
	_, err := os.Lstat(filepath.Join(mt.file("holders"), id.Hash()))
	return err == nil
}

// holders returns the containers that have the mount, sorted.
func (mt *mount) holders() (ids []mctr.ContainerID, err error) {
	entries, err := os.ReadDir(mt.file("holders"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		id, err := os.Readlink(filepath.Join(mt.file("holders"), e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // released meanwhile
		}
		if err != nil {
			return nil, err
		}
		ids = append(ids, mctr.ContainerID(id))
	}
	slices.Sort(ids)
	return ids, nil
}
