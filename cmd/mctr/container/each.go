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

// A verb does something with one container. It prints nothing if it fails.
type verb func(ctx context.Context, c agent.Containers, id mctr.ContainerID) error

// maxParallel bounds the number of containers that a command handles in parallel.
const maxParallel = 32

// eachContainer calls do for one container after the other, and prints the name of each for which do
// succeeds. It fails if any call has failed.
func eachContainer(h *hostapi.Host, cmd *cobra.Command, refs []string, do verb) error {
	return parallelContainers(h, cmd, refs, 1, do)
}

// parallelContainers is eachContainer for atOnce containers at a time. It prints the names in
// the order in which they were given.
func parallelContainers(h *hostapi.Host, cmd *cobra.Command, refs []string, atOnce int, do verb) error {
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
			group.Go(func() error {
				id, err := c.Resolve(cmd.Context(), ref)
				if err == nil {
					err = do(cmd.Context(), c, id)
				}
				results[i] <- err
				return nil
			})
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
