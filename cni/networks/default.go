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

// Default is the name of the default network, a bridge. It is available without having been made:
// mctr writes its list when the first container needs it.
const Default = "bridge"

// Available reports whether a container can use the network: it is configured or it is the default
// one, and all its plugins are installed. It changes nothing.
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

// ChooseDefault sets the default network in the config of a root container that names no network,
// if available returns nil for it. Otherwise the container gets no network (mctr.NetworkNone), and
// without is the reason. An error that wraps mctr.ErrUnavailable is returned as err, and so is any
// error for a container with ports.
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

// defaultDefinition returns the default network without subnets, as if it had been made.
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

// Ensure returns the network for a launch. It makes the default network if it does not exist.
func (s *Store) Ensure(ctx context.Context, name string) (*Network, error) {
	network, err := s.Find(name)
	if name == Default && errors.Is(err, mctr.ErrNotFound) {
		network, err = s.Create(ctx, Default, Definition{})
		if errors.Is(err, mctr.ErrExists) {
			network, err = s.Find(name) // another launch made it first
		}
	}
	if err != nil {
		return nil, err
	}
	return network, s.Usable(network)
}

// lockDefinitions locks the definitions of mctr's own networks for a change.
func (s *Store) lockDefinitions(ctx context.Context) (*flock.Lock, error) {
	if err := os.MkdirAll(s.Dir(), 0o755); err != nil {
		return nil, fmt.Errorf("make the directory of networks: %w", err)
	}
	return flock.Exclusive(ctx, filepath.Join(s.Root, "networks.lock"))
}
