package main

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/vishvananda/netlink"

	"github.com/mctr/mctr"
)

// Recover reports the interfaces of containers that have no record. It changes nothing.
func (link) Recover(_ context.Context, known []mctr.ContainerState, of mctr.HandleOf) ([]mctr.Leftover, error) {
	var left []mctr.Leftover
	owned := map[string]bool{}
	for _, c := range known {
		owned[c.ID.Interface(prefix)] = true
	}
	all, err := netlink.LinkList()
	for range 100 {
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
		all, err = netlink.LinkList() // interfaces came or went while the kernel sent the list
	}
	for _, found := range all {
		name, alias := found.Attrs().Name, found.Attrs().Alias
		id := mctr.ContainerID(filepath.Base(alias))
		if !owned[name] && id.Validate() == nil && name == id.Interface(prefix) && alias == of(id).State {
			left = append(left, mctr.Leftover{Kind: "link", Object: name, Owner: id,
				Why: "its alias names a container that does not exist", Undo: "remove it"})
		}
	}
	return left, err
}
