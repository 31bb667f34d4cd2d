// Command mctr-calico manages the policies, address pools and profiles of Calico networks. It is the
// command line of package cni/calico. "mctr network policy", "pool" and "profile" run this program:
// if mctr linked the types of Calico and Kubernetes, every launch would be slower.
//
// The command stores everything in the etcd of the network, and creates nothing on this host.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/commandline"
	"github.com/mctr/mctr/internal/visible"
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	cmd := command()
	cmd.SetArgs(args)
	if err := cmd.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(visible.Writer(os.Stderr), "mctr-calico:", err)
		return 1
	}
	return 0
}

func command() *cobra.Command {
	a := &app{}
	root := &cobra.Command{
		Use:   "mctr-calico [flags] COMMAND",
		Short: "Manage policies, pools and profiles of Calico networks",
		Long: `Manage policies, address pools and profiles of Calico networks, which are the same on
every host of a network. The CNI configuration of the network has the address of its
etcd. See docs/calico.md. "mctr network policy" and so on run this program.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          commandline.NoSuchCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.DisableDefaultCmd = true
	a.register(root.PersistentFlags())
	root.AddCommand(a.policyCommand(), a.poolCommand(), a.profileCommand())
	commandline.Finish(root)
	return root
}
