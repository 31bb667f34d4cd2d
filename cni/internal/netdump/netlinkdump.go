// Package netdump reads lists of network objects from the kernel while the objects change. It
// creates nothing.
package netdump

import (
	"errors"

	"github.com/vishvananda/netlink"
)

// maxDumps bounds how often a list is read that changes while the kernel sends it.
const maxDumps = 64

// Uninterrupted calls dump until the list does not change while the kernel sends it. The kernel
// marks such an answer, from which entries may be missing (NLM_F_DUMP_INTR, netlink(7)). It is
// common on a host where containers come and go.
func Uninterrupted[T any](dump func() ([]T, error)) (list []T, err error) {
	for range maxDumps {
		if list, err = dump(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	return list, err
}

// HostAddresses returns the addresses of all interfaces of the host.
func HostAddresses() ([]netlink.Addr, error) {
	return Uninterrupted(func() ([]netlink.Addr, error) { return netlink.AddrList(nil, netlink.FAMILY_ALL) })
}
