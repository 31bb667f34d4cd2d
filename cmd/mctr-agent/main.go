// Command mctr-agent serves the containers of a host to operators and schedulers, with the operator API
// of the Mesos agent. See docs/agent.md.
//
// It creates the sockets that it listens on, and a lock in STATE that prevents a second agent with
// the same name. Containers and their supervisors keep running when the agent stops, and the next
// agent takes them over.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr/internal/commandline"
	"github.com/mctr/mctr/internal/inherit"
	"github.com/mctr/mctr/internal/visible"
)

// version is set by the linker.
var version = "development"

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	inherit.Seal()
	inherit.Unlimit()
	inherit.Hush()
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM)
	defer stop()
	cmd := command()
	cmd.SetArgs(args)
	if err := cmd.ExecuteContext(ctx); err != nil {
		// The library names fields of host.Config.
		message := strings.ReplaceAll(err.Error(), "host.cgroup_manager", "--cgroup-manager")
		fmt.Fprintln(visible.Writer(os.Stderr), "mctr-agent:", message)
		return 1
	}
	return 0
}

func command() *cobra.Command {
	f := &flags{}
	cmd := &cobra.Command{
		Use:   "mctr-agent [flags]",
		Short: "Serve the containers of a host with the operator API of Mesos",
		Long: `Serve the containers of a host with the operator API of the Mesos agent: HTTP and JSON,
on a unix socket that only root can use or, with TLS or a token, on TCP. Containers keep
running when the agent stops, and the next agent takes them over.

Every flag can also be set by an environment variable, such as MCTR_AGENT_TLS_CERT for
--tls-cert.`,
		Example: `  mctr-agent
  mctr-agent --listen unix:///run/mctr/agent.sock --metrics-address 127.0.0.1:9130
  mctr-agent --listen tcp://0.0.0.0:5051 --tls-cert a.pem --tls-key a.key --tls-client-ca ca.pem
  curl --unix-socket /run/mctr/agent.sock http://agent/healthz`,
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.complete(cmd.Flags()); err != nil {
				return err
			}
			return serve(cmd.Context(), f)
		},
	}
	f.register(cmd.Flags())
	commandline.Finish(cmd)
	return cmd
}
