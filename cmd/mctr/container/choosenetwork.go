package container

import (
	"context"
	"fmt"
	"strings"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr/internal/flags"
	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/cni"
)

// ChooseNetwork sets the default network if the user has not named a network and the host has the
// plugins for it. If the plugins are missing, it prints a message for a container that needs a
// network. In container:NAME it replaces the name with the id.
func ChooseNetwork(ctx context.Context, h *hostapi.Host, c *mctr.ContainerConfig) error {
	if ref, ok := strings.CutPrefix(c.Network, mctr.JoinNetwork); ok {
		_, id, err := h.APIForContainer(ctx, ref)
		if err != nil {
			return fmt.Errorf("--network container:%s: %w", ref, err)
		}
		c.Network = mctr.JoinNetwork + string(id)
		return nil
	}
	if c.Network != "" || len(c.Networks) > 0 {
		return nil
	}
	networks, err := h.NetworkAPI()
	if err != nil {
		return err
	}
	available := func(name string) error { return networks.Available(ctx, name) }
	without, err := cni.ChooseDefault(available, c)
	if without != nil {
		fmt.Fprintf(format.Stderr, "mctr: the container has no network (as with --network none): %s\n",
			flags.Translate(without.Error()))
	}
	return err
}
