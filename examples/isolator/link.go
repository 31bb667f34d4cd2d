package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/vishvananda/netlink"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/isolators"
	"github.com/mctr/mctr/isolators/stateful"
)

const (
	annotation = "example.com/link-mtu" // asks for an interface with this MTU
	prefix     = "exlk"                 // begins the interfaces' names
)

// A link isolator gives a container an ifb interface on the host.
//
// On disk: STATE/containers/ID/example/link/link.json. In the kernel: the interface. Its name is
// derived from the container's id. Its alias is the container's directory in STATE, which
// identifies the owner: another pair of directories may have a container of the same id.
type link struct{ isolators.Base } // Base implements the other verbs

func (link) Name() string { return "example/link" }

func (l link) records(h mctr.Handle) stateful.Records { return stateful.UntilReboot(h, l.Name()) }

func mtu(c *mctr.ContainerConfig) (int, error) {
	value, asked := c.Annotations[annotation]
	if !asked {
		return 0, nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 68 || n > 65535 {
		return 0, fmt.Errorf("%w: annotations[%q] %q: want 68 to 65535", mctr.ErrInvalid, annotation, value)
	}
	return n, nil
}

func (link) Check(_ context.Context, c *mctr.ContainerConfig) error { _, err := mtu(c); return err }

func (l link) Prepare(ctx context.Context, c *mctr.Container) (*mctr.Adjustment, error) {
	n, err := mtu(c.Config)
	if err := errors.Join(err, ctx.Err()); err != nil || n == 0 {
		return nil, err
	}
	name := c.ID.Interface(prefix)
	found, err := l.find(c.Handle) // for instance of an earlier Prepare
	if err == nil {
		err = l.records(c.Handle).Write("link", name) // before the act
	}
	made := &netlink.Ifb{LinkAttrs: netlink.LinkAttrs{Name: name, MTU: n}}
	if err == nil && found == nil {
		err = netlink.LinkAdd(made)
	}
	if err == nil {
		err = netlink.LinkSetAlias(made, c.State)
	}
	if err != nil {
		return nil, fmt.Errorf("make interface %s: %w", name, err)
	}
	return nil, nil // an Adjustment would go into the container's OCI spec
}

// find returns the container's interface, or nil if it does not exist. It fails for an interface of
// that name if neither the alias nor the record proves that the interface belongs to the container.
func (l link) find(h mctr.Handle) (netlink.Link, error) {
	found, err := netlink.LinkByName(h.ID.Interface(prefix))
	if none := (netlink.LinkNotFoundError{}); errors.As(err, &none) {
		return nil, nil
	}
	if err == nil && found.Attrs().Alias != h.State && l.records(h).Read("link", new(string)) != nil {
		return nil, fmt.Errorf("%w: an interface of this name exists, but does not belong to container %s",
			mctr.ErrExists, h.ID)
	}
	return found, err
}

// Cleanup does not depend on whether the container has an interface, because Prepare may have been
// cut off.
func (l link) Cleanup(_ context.Context, h mctr.Handle) error {
	found, err := l.find(h)
	if err == nil && found != nil {
		err = netlink.LinkDel(found)
	}
	if err != nil && !errors.Is(err, mctr.ErrExists) {
		return fmt.Errorf("remove interface %s: %w", h.ID.Interface(prefix), err)
	}
	return l.records(h).Remove()
}
