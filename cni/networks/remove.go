package networks

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mctr/mctr"
)

// Remove removes a network that mctr made, with its interfaces on the host. It fails if a container
// is attached to the network, and names the container.
func (s *Store) Remove(ctx context.Context, name string) error {
	lock, err := s.lockDefinitions(ctx)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	network, err := s.Find(name)
	if err != nil {
		return err
	}
	if filepath.Dir(network.File) != s.Dir() || network.Definition == nil {
		return fmt.Errorf("%w: network %s is not mctr's: remove %s", mctr.ErrState, name, network.File)
	}
	release, err := s.Hold(ctx, name)
	if err != nil {
		return err
	}
	defer release()
	for _, link := range network.Definition.links() {
		if err := removeLink(link); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(filepath.Join(s.addresses(), name)); err != nil {
		return err
	}
	if err := os.Remove(network.File); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// links returns the host's interfaces that belong to this network alone.
func (d *Definition) links() []string {
	var links []string
	if d.Overlay != nil {
		links = append(links, d.Overlay.Device)
	}
	if d.Bridge != "" {
		links = append(links, d.Bridge)
	}
	return links
}
