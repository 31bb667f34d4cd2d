// Package netdump asks the kernel for lists of network objects while these change. It makes
// nothing.
package netdump

import (
	"errors"

	"github.com/vishvananda/netlink"
)

// maxDumps is how often a list is asked for that changes while it is told.
const maxDumps = 64

// Uninterrupted asks the kernel for a list until none of it changed meanwhile: then entries
// can be missing, and the answer says so (netlink(7), NLM_F_DUMP_INTR). Containers
// that come and go at the same time make that common.
func Uninterrupted[T any](dump func() ([]T, error)) (list []T, err error) {
	for range maxDumps {
		if list, err = dump(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	return list, err
}

// HostAddresses are those of all the host's interfaces.
func HostAddresses() ([]netlink.Addr, error) {
	return Uninterrupted(func() ([]netlink.Addr, error) { return netlink.AddrList(nil, netlink.FAMILY_ALL) })
}
