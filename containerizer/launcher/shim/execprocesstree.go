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

// A processTree is an exec process with all processes that it started. The engine makes the process
// the leader of a new session (setsid(2)). A background process stays in the session even after its
// parent has exited. A process that left the session is found as long as the processes between it
// and the leader exist.
type processTree struct {
	leader int
	dir    string // of the container's cgroup, which holds all processes of the tree
}

func processTreeOf(c engine.Container, leader int) *processTree {
	groups := c.Cgroups()
	controllers := slices.Sorted(maps.Keys(groups))
	if len(controllers) == 0 {
		return nil // the container has exited
	}
	return &processTree{leader: leader, dir: groups[controllers[0]]}
}

// treeKillTimeout bounds the wait for the processes of a tree to die.
const treeKillTimeout = 5 * time.Second

// kill kills all processes of the tree except the leader.
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

// signal kills those of pids that are still members. A pid may have been reused meanwhile, even by
// a process of the host, so signal opens a pidfd for each before it checks the membership again.
func (t *processTree) signal(pids []int) {
	held := map[int]int{}
	for _, pid := range pids {
		if fd, err := unix.PidfdOpen(pid, 0); err == nil { // an error means that it has exited
			held[pid] = fd
		}
	}
	for _, pid := range t.members() {
		if fd, ok := held[pid]; ok {
			_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0) // it may have exited
		}
	}
	for _, fd := range held {
		_ = unix.Close(fd) // closing a pidfd cannot usefully fail
	}
}

// members returns the living processes of the tree except the leader, which its caller signals.
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
