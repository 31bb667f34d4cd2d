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

// ChooseNetwork gives a container whose user named no network the default one,
// where its host has the plugins; its absence is said where a port needs it.
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
		fmt.Fprintf(format.Stderr, "mctr: no network for the container (as with --network none): %s\n",
			flags.Translate(without.Error()))
	}
	return err
}
