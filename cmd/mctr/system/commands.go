// Package system has the commands of mctr for the host and for mctr itself: info, df, prune, doctor,
// events, reconcile, version, oci, man, and hidden commands that shims run. It creates the manual
// pages of man.
package system

import (
	"github.com/spf13/cobra"

	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/cmd/mctr/internal/prune"
	"github.com/mctr/mctr/internal/commandline"
)

func systemCommand(h *hostapi.Host) *cobra.Command {
	cmd := commandline.Group("system", "Show disk usage and facts of the host, and clean up", dfCommand(h),
		prune.SystemCommand(h), infoCommand(h))
	cmd.Example = "  mctr system df\n  mctr system prune -f --filter until=24h"
	return cmd
}

// Commands returns the commands for the host and for mctr itself.
func Commands(h *hostapi.Host) []*cobra.Command {
	return []*cobra.Command{infoCommand(h), doctorCommand(h), eventsCommand(h), reconcileCommand(h),
		versionCommand(h), ociCommand(h), systemCommand(h), manCommand(h)}
}
