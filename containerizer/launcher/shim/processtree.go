package shim

import (
	"maps"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/containerizer/launcher/engine"
	"github.com/mctr/mctr/internal/cgroup"
	"github.com/mctr/mctr/internal/proc"
)

// A processTree is an exec'd process with all that it starts. The engine makes the process
// the leader of a session of its own (setsid(2)), which what runs in the background stays
// in when its parent has gone; what leaves the session is known as long as the processes
// between are there.
type processTree struct {
	leader int
	dir    string // of the container's control group, in which all are
}

func processTreeOf(c engine.Container, leader int) *processTree {
	groups := c.Cgroups()
	controllers := slices.Sorted(maps.Keys(groups))
	if len(controllers) == 0 {
		return nil // the container has ended
	}
	return &processTree{leader: leader, dir: groups[controllers[0]]}
}

// treeKillTimeout bounds the wait for a tree's processes to die.
const treeKillTimeout = 5 * time.Second

// kill ends all of the tree that are left.
func (t *processTree) kill() {
	if t == nil {
		return
	}
	for deadline := time.Now().Add(treeKillTimeout); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		members := t.members()
		if len(members) == 0 {
			return
		}
		t.signal(members)
	}
}

// signal kills those of pids that still are members. A pid may be another process' by now,
// also one of the host's: so each is held by a descriptor while it is looked at again.
func (t *processTree) signal(pids []int) {
	held := map[int]int{}
	for _, pid := range pids {
		if fd, err := unix.PidfdOpen(pid, 0); err == nil { // or else it has ended
			held[pid] = fd
		}
	}
	for _, pid := range t.members() {
		if fd, ok := held[pid]; ok {
			_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0) // it may have ended
		}
	}
	for _, fd := range held {
		_ = unix.Close(fd) // closing a pidfd cannot fail usefully
	}
}

// members are the living ones but for the leader, whose end is another's to see to.
func (t *processTree) members() (list []int) {
	pids, err := cgroup.PidsIn(t.dir)
	if err != nil {
		return nil
	}
	parents, in := map[int]int{}, map[int]bool{t.leader: true}
	for _, pid := range pids {
		parent, session := proc.Family(pid)
		parents[pid] = parent
		if session == t.leader {
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
		if _, there := parents[pid]; there && pid != t.leader {
			list = append(list, pid)
		}
	}
	return list
}
