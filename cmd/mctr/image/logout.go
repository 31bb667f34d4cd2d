package image

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
	"github.com/mctr/mctr/cmd/mctr/internal/session"
	"github.com/mctr/mctr/provisioner/credentials"
	"github.com/mctr/mctr/provisioner/puller"
)

func logoutCommand(h *hostapi.Host) *cobra.Command {
	return &cobra.Command{
		Use:   "logout [SERVER]",
		Short: "Remove the credentials of a registry",
		Long: "Remove the credentials that login has stored for a registry, from the file or the\n" +
			"credential helper. The default SERVER is docker.io.",
		Example:           "  mctr logout registry.test:5000",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := requireLocalCredentials(h); err != nil {
				return err
			}
			ctx, stop := session.Interruptible(cmd.Context())
			defer stop()
			return logout(ctx, strings.Join(args, ""))
		},
	}
}

func logout(ctx context.Context, server string) error {
	host, err := puller.Server(cmp.Or(server, "docker.io"))
	if err != nil {
		return err
	}
	path, err := puller.AuthFile()
	if err != nil {
		return err
	}
	key := puller.AuthKey(host)
	// the last two are keys of old versions of docker
	known, err := credentials.File{Path: path}.Logout(ctx, key, "https://"+host, "http://"+host)
	switch {
	case err != nil:
		return err
	case known:
		fmt.Println("Removing login credentials for", key)
	default:
		fmt.Println("Not logged in to", key)
	}
	if other := puller.OtherAuthFile(host); other != "" {
		fmt.Fprintf(os.Stderr, "Credentials for %s remain in %s.\n", host, other)
	}
	return nil
}
