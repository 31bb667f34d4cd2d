package container

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

func topCommand(h *hostapi.Host) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "top CONTAINER [PS-OPTION...]",
		Short:             "Show the processes of a container",
		Example:           "  mctr top web\n  mctr top web -o pid,rss,cmd",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: h.CompleteContainers,
		RunE: func(cmd *cobra.Command, args []string) error {
			return top(cmd.Context(), h, args[0], args[1:])
		},
	}
	cmd.Flags().SetInterspersed(false)
	return cmd
}

// top prints the output of ps(1), whose process ids are those of the host.
func top(ctx context.Context, h *hostapi.Host, ref string, options []string) error {
	c, id, err := h.APIForContainer(ctx, ref)
	if err != nil {
		return err
	}
	text, err := c.Processes(ctx, id, options...)
	if err != nil {
		return err
	}
	_, err = format.Stdout.Write(text)
	return err
}
