package csi

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/csi"
)

// A nodeRow is what one plugin calls this node. MaxVolumes is 0 if it is not limited.
type nodeRow struct {
	ID, Plugin, Node, Topology string
	MaxVolumes                 int64
	Ready                      bool
}

func nodeCommand(h *hostapi.Host) *cobra.Command {
	list := &format.List{}
	cmd := &cobra.Command{
		Use: "node [flags]", Short: "Show what CSI plugins call this node", Args: cobra.NoArgs,
		Long: "Ask every CSI plugin for this node: its id, its topology, and how many volumes can be attached\n" +
			"to it.",
		Example:           "  mctr csi node\n  mctr csi node --format '{{.Plugin}} {{.Node}} {{.Topology}}'",
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := driver(h)
			if err != nil {
				return err
			}
			all, err := d.Plugins.List()
			errs := []error{err}
			var rows []nodeRow
			for _, p := range all {
				info, err := d.Probe(cmd.Context(), p.Plugin)
				if err != nil {
					errs = append(errs, fmt.Errorf("plugin %s: %w", p.Name, err))
					continue
				}
				rows = append(rows, nodeRow{ID: p.Name, Plugin: p.Name, Node: info.Node, Ready: info.Ready,
					MaxVolumes: info.MaxVolumes, Topology: topology(info.Segments)})
			}
			return errors.Join(list.Print(format.Rows(rows), []string{"PLUGIN={{.Plugin}}", "NODE={{.Node}}",
				"READY={{.Ready}}", "MAX VOLUMES={{.MaxVolumes}}", "TOPOLOGY={{.Topology}}"}), errors.Join(errs...))
		},
	}
	list.RegisterQuiet(cmd.Flags())
	list.Register(cmd.Flags(), "names")
	return cmd
}

func topology(segments csi.Segments) string {
	var pairs []string
	for _, key := range slices.Sorted(maps.Keys(segments)) {
		pairs = append(pairs, key+"="+segments[key])
	}
	return strings.Join(pairs, ",")
}
