// Command mctr-calico keeps the policies, address pools and profiles of CNI networks
// of Calico's: package cni/calico at a prompt. "mctr network policy", "pool" and
// "profile" are this program: Calico's types, which come with Kubernetes', would
// cost every launch if mctr linked them.
//
// What it applies is in the network's etcd; on this host it creates nothing.
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
		Short: "Keep policies, pools and profiles of Calico networks",
		Long: `Keep policies, address pools and profiles of CNI networks of Calico's, which are the
same on every host of the network. Where its etcd is stands in the network's CNI
configuration. See docs/calico.md; "mctr network policy" and so on are this program.`,
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
