package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/atomicfile"
)

// A binding is ROOT's state.json: it names the STATE of ROOT's containers. Two STATEs for one ROOT
// would mean two processes that take each other's running containers for launches that were cut
// off.
type binding struct {
	State        string `json:"state"`
	CgroupParent string `json:"cgroup_parent,omitempty"` // a copy of STATE's, in case STATE is lost
}

// stateOf returns the content of STATE's boot_id: the boot and the ROOT to which STATE belongs.
func (s *Store) stateOf(boot []byte) []byte {
	return append(bytes.Clone(boot), s.Root+"\n"...)
}

// checkBinding returns an error if ROOT or STATE belongs to another directory whose containers are
// not all at rest. It wraps mctr.ErrState.
func (s *Store) checkBinding(boot []byte) error {
	of, err := os.ReadFile(s.bootID())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	lines := bytes.Split(of, []byte("\n"))
	if len(lines) > 2 && bytes.Equal(append(bytes.Clone(lines[0]), '\n'), boot) {
		if root := string(lines[1]); !sameDirectory(root, s.Root) && holdsAny(s.Running()) {
			return fmt.Errorf(
				"%w: containers of root %s have their state in %s: use root %s, or another state for root %s",
				mctr.ErrState, root, s.State, root, s.Root)
		}
	}
	b, err := s.binding()
	if err != nil || b == nil || sameDirectory(b.State, s.State) {
		return errors.Join(err, s.restoreParent(b))
	}
	return s.leaveState(b.State, boot)
}

// binding reads ROOT's state.json; nil if there is none.
func (s *Store) binding() (*binding, error) {
	b := &binding{}
	err := atomicfile.ReadJSON(s.stateRecord(), b)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// bind writes ROOT's state.json.
func (s *Store) bind() error {
	parent, err := s.RecordedParent()
	if err != nil {
		return err
	}
	return atomicfile.WriteJSON(s.stateRecord(), binding{State: s.State, CgroupParent: parent})
}

// restoreParent restores STATE's record of the parent control group from ROOT.
func (s *Store) restoreParent(b *binding) error {
	if b == nil || b.CgroupParent == "" {
		return nil
	}
	if _, err := os.Lstat(s.bootID()); !errors.Is(err, fs.ErrNotExist) {
		return err // STATE was not lost
	}
	return atomicfile.Write(s.cgroupParent(), []byte(b.CgroupParent), 0o600)
}

// leaveState releases ROOT from its old STATE, unless containers run, are launched or are released
// there.
func (s *Store) leaveState(old string, boot []byte) error {
	there := Layout{Root: s.Root, State: old}
	recorded, err := os.ReadFile(there.bootID())
	ofThisBoot := err == nil && bytes.HasPrefix(recorded, boot)
	busy := ofThisBoot && holdsAny(there.Running())
	ids, err := s.IDs()
	if err != nil {
		return err
	}
	for _, id := range ids {
		run, err := s.Container(id).Run()
		busy = busy || err != nil || run != nil && run.Supervised()
	}
	if busy {
		return fmt.Errorf("%w: the containers of root %s have their state in %s: use state %s, or end them first",
			mctr.ErrState, s.Root, old, old)
	}
	if ofThisBoot { // otherwise the old STATE would still count as this ROOT's
		return os.Remove(there.bootID())
	}
	return nil
}

func sameDirectory(a, b string) bool {
	if a == b {
		return true
	}
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

func holdsAny(dir string) bool {
	entries, _ := os.ReadDir(dir)
	return len(entries) > 0
}

// RecordedParent returns the parent control group that STATE records; "" if it records none.
func (s *Store) RecordedParent() (string, error) {
	data, err := os.ReadFile(s.cgroupParent())
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return string(data), err
}

// SetParent records group as the parent control group, in STATE and in ROOT.
func (s *Store) SetParent(group string) error {
	if err := atomicfile.Write(s.cgroupParent(), []byte(group), 0o600); err != nil {
		return err
	}
	s.Parent = group
	return s.bind()
}
