package containerizer

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/atomicfile"
)

// A binding is ROOT's state.json: the STATE that ROOT's containers run under. One ROOT
// with two STATEs would have two processes that see each other's running containers as
// launches that were cut off.
type binding struct {
	State        string `json:"state"`
	CgroupParent string `json:"cgroupParent,omitempty"` // STATE's word, for when STATE is lost
}

// stateOf is STATE's boot_id: the boot and the ROOT that STATE belongs to.
func (c *Containerizer) stateOf(boot []byte) []byte {
	return append(bytes.Clone(boot), c.paths.root+"\n"...)
}

// checkBinding refuses a pair of ROOT and STATE of which one belongs to another, as long
// as that one has containers that are not at rest. The error wraps mctr.ErrState.
func (c *Containerizer) checkBinding(boot []byte) error {
	of, err := os.ReadFile(c.paths.bootID())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	lines := bytes.Split(of, []byte("\n"))
	if len(lines) > 2 && bytes.Equal(append(bytes.Clone(lines[0]), '\n'), boot) {
		if root := string(lines[1]); !sameDirectory(root, c.paths.root) && holdsAny(c.paths.running()) {
			return fmt.Errorf(
				"%w: containers of root %s have their state in %s: use --root %s, or another --state for --root %s",
				mctr.ErrState, root, c.paths.state, root, c.paths.root)
		}
	}
	b, err := c.binding()
	if err != nil || b == nil || sameDirectory(b.State, c.paths.state) {
		return errors.Join(err, c.restoreParent(b))
	}
	return c.leaveState(b.State, boot)
}

// binding reads ROOT's state.json; nil where there is none.
func (c *Containerizer) binding() (*binding, error) {
	b := &binding{}
	err := atomicfile.ReadJSON(c.paths.stateRecord(), b)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// bind writes it.
func (c *Containerizer) bind() error {
	parent, err := c.paths.recordedParent()
	if err != nil {
		return err
	}
	return atomicfile.WriteJSON(c.paths.stateRecord(), binding{State: c.paths.state, CgroupParent: parent})
}

// restoreParent gives STATE the control group back that it said is above all others.
func (c *Containerizer) restoreParent(b *binding) error {
	if b == nil || b.CgroupParent == "" {
		return nil
	}
	if _, err := os.Lstat(c.paths.bootID()); !errors.Is(err, fs.ErrNotExist) {
		return err // STATE was not lost
	}
	return atomicfile.Write(c.paths.cgroupParent(), []byte(b.CgroupParent), 0o600)
}

// leaveState lets ROOT go from its old STATE, unless containers run or are launched or
// released under that.
func (c *Containerizer) leaveState(old string, boot []byte) error {
	there := layout{root: c.paths.root, state: old}
	recorded, err := os.ReadFile(there.bootID())
	ofThisBoot := err == nil && bytes.HasPrefix(recorded, boot)
	busy := ofThisBoot && holdsAny(there.running())
	ids, err := c.Containers()
	if err != nil {
		return err
	}
	for _, id := range ids {
		run, err := c.run(id)
		busy = busy || err != nil || run != nil && run.supervised()
	}
	if busy {
		return fmt.Errorf("%w: the containers of root %s have their state in %s: use --state %s, or end them first",
			mctr.ErrState, c.paths.root, old, old)
	}
	if ofThisBoot { // or else it would count as this ROOT's still
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
