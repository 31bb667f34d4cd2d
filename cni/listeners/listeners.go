// Package listeners finds the TCP ports on which processes listen, in any network namespace: it
// reads the kernel's list of sockets (sock_diag(7)) and the sockets that the processes have open
// (/proc/PID/fd, proc(5)). It changes nothing.
package listeners

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// listening is the state TCP_LISTEN of the kernel.
const listening = 10

// A Listener is a socket that accepts connections.
type Listener struct {
	Address net.IP
	Port    uint16
	Pid     int // of one process that has the socket open
}

func (l Listener) String() string {
	return fmt.Sprintf("%s (pid %d)", net.JoinHostPort(l.Address.String(), strconv.Itoa(int(l.Port))), l.Pid)
}

// Of lists the sockets on which the processes listen, sorted by port. It looks in the network
// namespace of the first process that still runs.
func Of(pids []int) ([]Listener, error) {
	holders := map[uint32]int{}
	for _, pid := range pids {
		sockets(pid, holders)
	}
	if len(holders) == 0 {
		return nil, nil
	}
	all, err := dump(pids)
	if err != nil {
		return nil, err
	}
	var found []Listener
	for _, s := range all {
		if pid, held := holders[s.INode]; held && s.State == listening {
			found = append(found, Listener{Address: s.ID.Source, Port: s.ID.SourcePort, Pid: pid})
		}
	}
	slices.SortFunc(found, func(a, b Listener) int { return int(a.Port) - int(b.Port) })
	return found, nil
}

// sockets adds the sockets that a process has open. A process that has exited has none.
func sockets(pid int, holders map[uint32]int) {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		link, err := os.Readlink(dir + "/" + e.Name())
		text, ok := strings.CutPrefix(link, "socket:[")
		if err != nil || !ok {
			continue
		}
		if inode, err := strconv.ParseUint(strings.TrimSuffix(text, "]"), 10, 32); err == nil {
			holders[uint32(inode)] = pid
		}
	}
}

// dump returns the TCP sockets of the namespace.
func dump(pids []int) ([]*netlink.Socket, error) {
	for _, pid := range pids {
		ns, err := netns.GetFromPid(pid)
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) {
			continue
		}
		if err != nil {
			return nil, err
		}
		defer ns.Close()
		return dumpIn(ns)
	}
	return nil, nil
}

func dumpIn(ns netns.NsHandle) ([]*netlink.Socket, error) {
	h, err := netlink.NewHandleAt(ns, unix.NETLINK_INET_DIAG)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	var all []*netlink.Socket
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		sockets, err := h.SocketDiagTCP(family)
		if err != nil {
			return nil, fmt.Errorf("list the TCP sockets: %w", err)
		}
		all = append(all, sockets...)
	}
	return all, nil
}
