// Package system has the commands of mctr about this host and about mctr itself: info, df, prune,
// doctor, events, reconcile, version, oci, man, and the hidden ones that shims run. It creates the
// manual pages that man writes.
package system

import (
	"github.com/spf13/cobra"

	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/cmd/mctr/internal/prune"
	"github.com/mctr/mctr/internal/commandline"
)

func systemCommand(h *hostapi.Host) *cobra.Command {
	cmd := commandline.Group("system", "Look after the host's part: space, clean-up, facts", dfCommand(h),
		prune.SystemCommand(h), infoCommand(h))
	cmd.Example = "  mctr system df\n  mctr system prune -f --filter until=24h"
	return cmd
}

// Commands are the commands about this host, and about mctr itself.
func Commands(h *hostapi.Host) []*cobra.Command {
	return []*cobra.Command{infoCommand(h), doctorCommand(h), eventsCommand(h), reconcileCommand(h),
		versionCommand(h), ociCommand(h), systemCommand(h), manCommand(h)}
}
