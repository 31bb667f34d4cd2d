package volume

import (
	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

// info has the keys of docker, and all that mctr knows.
type info struct {
	CreatedAt, Driver, Mountpoint, Name, Scope string
	Labels, Options                            map[string]string
	Mctr                                       *mctr.VolumeDetails
}

func inspectCommand(h *hostapi.Host) *cobra.Command {
	var layout string
	cmd := &cobra.Command{
		Use: "inspect [flags] VOLUME...", Short: "Show the details of named volumes", Args: cobra.MinimumNArgs(1),
		Example:           "  mctr volume inspect data\n  mctr volume inspect -f '{{.Mountpoint}}' data",
		ValidArgsFunction: h.CompleteVolumes,
		RunE: func(cmd *cobra.Command, args []string) error {
			volumes, err := h.VolumeAPI()
			if err != nil {
				return err
			}
			return format.Inspect(args, layout, func(name string) (*info, error) {
				v, err := volumes.Inspect(cmd.Context(), name)
				if err != nil {
					return nil, err
				}
				return &info{CreatedAt: v.Created.Format("2006-01-02T15:04:05Z07:00"), Driver: v.Driver,
					Mountpoint: v.Path, Name: v.Name, Scope: "local", Labels: v.Labels,
					Options: v.Options, Mctr: v}, nil
			})
		},
	}
	cmd.Flags().StringVarP(&layout, "format", "f", "", "json or a Go template")
	return cmd
}
