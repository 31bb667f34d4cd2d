package networks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/flock"
)

// Default is the network that is there without having been made: a bridge, which
// is written down when the first container wants it.
const Default = "bridge"

// Available reports whether a container can have the network: it is configured, or it is
// the default one, and all its plugins are there. It changes nothing.
func (s *Store) Available(name string) (*Network, error) {
	network, err := s.Find(name)
	if name == Default && errors.Is(err, mctr.ErrNotFound) {
		return s.defaultDefinition()
	}
	if err != nil {
		return nil, err
	}
	return network, s.Usable(network)
}

// ChooseDefault gives a root container whose config names no network the default one, if
// available finds its plugins. Otherwise the container has no network (mctr.NetworkNone), and
// without says why; that is an error for a container with ports, and so is mctr.ErrUnavailable.
func ChooseDefault(available func(name string) error, c *mctr.ContainerConfig) (without, err error) {
	if c.Network != "" || len(c.Networks) > 0 {
		return nil, nil
	}
	err = available(Default)
	switch {
	case err == nil:
		c.Networks = []mctr.NetworkConfig{{Name: Default}}
		return nil, nil
	case errors.Is(err, mctr.ErrUnavailable):
		return nil, err
	case len(c.Ports) > 0 || c.PublishAll:
		return nil, fmt.Errorf("config.ports: %w", err)
	}
	c.Network = mctr.NetworkNone
	return err, nil
}

// defaultDefinition is the default network without a place on the host.
func (s *Store) defaultDefinition() (*Network, error) {
	data, err := json.Marshal(s.listOf(Default, &Definition{Driver: Bridge, Bridge: s.interfaceOf("mctr-", Default)}))
	if err != nil {
		return nil, err
	}
	network, err := Parse(data)
	if err != nil {
		return nil, err
	}
	return network, s.Usable(network)
}

// Ensure is Available for a launch: the default network is made if need be.
func (s *Store) Ensure(ctx context.Context, name string) (*Network, error) {
	network, err := s.Find(name)
	if name == Default && errors.Is(err, mctr.ErrNotFound) {
		network, err = s.Create(ctx, Default, Definition{})
		if errors.Is(err, mctr.ErrExists) {
			network, err = s.Find(name) // another launch was faster
		}
	}
	if err != nil {
		return nil, err
	}
	return network, s.Usable(network)
}

// lockDefinitions is held while mctr's own networks are changed.
func (s *Store) lockDefinitions(ctx context.Context) (*flock.Lock, error) {
	if err := os.MkdirAll(s.Dir(), 0o755); err != nil {
		return nil, fmt.Errorf("make the directory of networks: %w", err)
	}
	return flock.Exclusive(ctx, filepath.Join(s.Root, "networks.lock"))
}
