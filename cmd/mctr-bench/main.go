// Command mctr-bench measures mctr on the user's machine. Its command network compares the ways to
// attach containers to networks; its command volume tests and measures persistent volumes.
//
// Its benchmarks remove everything that they create.
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
	cmd := &cobra.Command{
		Use: "mctr-bench [flags] COMMAND", Args: commandline.NoSuchCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		Short: "Measure the performance of mctr on this machine", SilenceUsage: true, SilenceErrors: true,
		Example: "  mctr-bench network\n  mctr-bench network --rounds 10 --html network.html\n  mctr-bench volume",
	}
	cmd.AddCommand(networkCommand(), volumeCommand(), loadCommand(), tunnelCommand())
	commandline.Finish(cmd)
	cmd.SetArgs(args)
	if err := cmd.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(visible.Writer(os.Stderr), "mctr-bench:", err)
		return 1
	}
	return 0
}
