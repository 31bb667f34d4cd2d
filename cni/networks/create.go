package networks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/containernetworking/cni/pkg/utils"
	"github.com/vishvananda/netlink"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/atomicfile"
	"github.com/mctr/mctr/internal/plaintext"
)

// Create makes a network. The error wraps mctr.ErrExists if the name is in use.
func (s *Store) Create(ctx context.Context, name string, d Definition) (*Network, error) {
	if err := utils.ValidateNetworkName(name); err != nil {
		return nil, fmt.Errorf("%w: network name %q: %w", mctr.ErrInvalid, name, err)
	}
	if err := plaintext.Check(d); err != nil {
		return nil, fmt.Errorf("network %s: %w", name, err)
	}
	if len(name) > maxName {
		return nil, fmt.Errorf("%w: network name %.20q...: more than %d bytes", mctr.ErrInvalid, name, maxName)
	}
	if slices.Contains(reserved, name) {
		return nil, fmt.Errorf("%w: network name %q means something else as config.network", mctr.ErrInvalid, name)
	}
	lock, err := s.lockDefinitions(ctx)
	if err != nil {
		return nil, err
	}
	defer lock.Unlock()
	if other, err := s.Find(name); err == nil {
		return nil, fmt.Errorf("%w: network %s (%s)", mctr.ErrExists, name, other.File)
	}
	file := filepath.Join(s.Dir(), name+".conflist")
	if _, err := os.Lstat(file); err == nil { // the file has a mistake, which its author may correct
		return nil, fmt.Errorf("%w: %s, from which no network %s can be read", mctr.ErrExists, file, name)
	}
	chosen := len(d.Subnets) == 0
	if err := s.complete(name, &d); err != nil {
		return nil, err
	}
	if err := s.write(ctx, name, file, &d); err != nil {
		return nil, err
	}
	if chosen && d.Driver == Bridge && !d.Internal {
		if err := s.claimSubnet(ctx, name, file, &d); err != nil {
			return nil, errors.Join(err, os.Remove(file))
		}
	}
	return Read(file)
}

// write writes the network's list.
func (s *Store) write(ctx context.Context, name, file string, d *Definition) (err error) {
	list := s.listOf(name, d)
	if list["cniVersion"], err = s.commonVersion(ctx, list); err != nil {
		return err
	}
	data, err := json.MarshalIndent(list, "", "\t")
	if err != nil {
		return err
	}
	return atomicfile.WriteDurable(file, append(data, '\n'), 0o644)
}

// complete checks a definition and sets the fields that it leaves empty.
func (s *Store) complete(name string, d *Definition) error {
	if err := d.check(); err != nil {
		return err
	}
	d.Created, d.GC = time.Now().UTC(), true
	switch d.Driver {
	case "", Bridge:
		d.Driver = Bridge
	case Macvlan:
		if _, err := netlink.LinkByName(d.Parent); err != nil {
			return fmt.Errorf("%w: definition.parent: interface %q: %w", mctr.ErrInvalid, d.Parent, err)
		}
	case VXLAN:
		if err := s.completeOverlay(name, d); err != nil {
			return err
		}
	default:
		return fmt.Errorf("%w: definition.driver %s: bridge, macvlan or vxlan", mctr.ErrInvalid, d.Driver)
	}
	if d.Parent != "" && d.Driver != Macvlan {
		return fmt.Errorf("%w: definition.parent is for macvlan", mctr.ErrInvalid)
	}
	if d.MTU != 0 && (d.MTU < 576 || d.MTU > 65535) {
		return fmt.Errorf("%w: MTU %d: 576 to 65535", mctr.ErrInvalid, d.MTU)
	}
	if d.Driver != Macvlan {
		d.Bridge = s.interfaceOf("mctr-", name)
	}
	return s.completeSubnets(d)
}
