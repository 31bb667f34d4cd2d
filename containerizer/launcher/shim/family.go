package shim

import (
	"maps"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/proc"
)

// A family is an exec'd process with all that it starts. The engine makes the process
// the leader of a session of its own (setsid(2)), which what runs in the background stays
// in when its parent has gone; what leaves the session is known as long as the processes
// between are there.
type family struct {
	leader int
	dir    string // of the container's control group, in which all are
}

func familyOf(c container, leader int) *family {
	groups := c.Cgroups()
	controllers := slices.Sorted(maps.Keys(groups))
	if len(controllers) == 0 {
		return nil // the container has ended
	}
	return &family{leader: leader, dir: groups[controllers[0]]}
}

// familyTime bounds the wait for a family's processes to die.
const familyTime = 5 * time.Second

// kill ends all of the family that are left.
func (f *family) kill() {
	if f == nil {
		return
	}
	for deadline := time.Now().Add(familyTime); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		members := f.members()
		if len(members) == 0 {
			return
		}
		f.signal(members)
	}
}

// signal kills those of pids that still are members. A pid may be another process' by now,
// also one of the host's: so each is held by a descriptor while it is looked at again.
func (f *family) signal(pids []int) {
	held := map[int]int{}
	for _, pid := range pids {
		if fd, err := unix.PidfdOpen(pid, 0); err == nil { // or else it has ended
			held[pid] = fd
		}
	}
	for _, pid := range f.members() {
		if fd, ok := held[pid]; ok {
			_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0) // it may have ended
		}
	}
	for _, fd := range held {
		_ = unix.Close(fd) // closing a pidfd cannot fail usefully
	}
}

// members are the living ones but for the leader, whose end is another's to see to.
func (f *family) members() (list []int) {
	pids, err := cgroup.PidsIn(f.dir)
	if err != nil {
		return nil
	}
	parents, in := map[int]int{}, map[int]bool{f.leader: true}
	for _, pid := range pids {
		parent, session := proc.Family(pid)
		parents[pid] = parent
		if session == f.leader {
			in[pid] = true
		}
	}
	for grown := true; grown; {
		grown = false
		for pid, parent := range parents {
			if in[parent] && !in[pid] {
				in[pid], grown = true, true
			}
		}
	}
	for pid := range in {
		if _, there := parents[pid]; there && pid != f.leader {
			list = append(list, pid)
		}
	}
	return list
}
