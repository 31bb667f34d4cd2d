package container

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

// A verb does something with one container and prints nothing when it fails.
type verb func(ctx context.Context, c agent.Containers, id mctr.ContainerID) error

// maxParallel bounds what is done to several containers at once.
const maxParallel = 32

// eachContainer applies do to one container named after the other, prints each name
// that succeeded, and fails if any failed.
func eachContainer(h *hostapi.Host, cmd *cobra.Command, refs []string, do verb) error {
	return someContainers(h, cmd, refs, 1, do)
}

// allContainers is eachContainer for what takes its time: to all at once. It still
// prints in the order in which they are named.
func allContainers(h *hostapi.Host, cmd *cobra.Command, refs []string, do verb) error {
	return someContainers(h, cmd, refs, maxParallel, do)
}

func someContainers(h *hostapi.Host, cmd *cobra.Command, refs []string, atOnce int, do verb) error {
	c, err := h.APIForChange(cmd.Context())
	if err != nil {
		return err
	}
	results := make([]chan error, len(refs))
	for i := range results {
		results[i] = make(chan error, 1)
	}
	go func() {
		var group errgroup.Group
		group.SetLimit(atOnce)
		for i, ref := range refs {
			group.Go(func() error { results[i] <- doOne(cmd.Context(), c, ref, do); return nil })
		}
	}()
	var errs []error
	for i, ref := range refs {
		if err := <-results[i]; err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", ref, err))
			continue
		}
		fmt.Println(ref)
	}
	return errors.Join(errs...)
}

func doOne(ctx context.Context, c agent.Containers, ref string, do verb) error {
	id, err := c.Resolve(ctx, ref)
	if err != nil {
		return err
	}
	return do(ctx, c, id)
}
