package container

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr/internal/flags"
	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

func portCommand(h *hostapi.Host) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "port [flags] CONTAINER [PORT[/PROTOCOL]]",
		Short: "Show the published ports of a container",
		Long: `Show the published ports of a container, one per line: the port of the container, and
the address and port on the host. With PORT, show only the address and port on the
host. The default protocol is tcp.`,
		Example:           "  mctr port web\n  mctr port web 80\n  curl http://$(mctr port web 80/tcp)",
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: completePort(h),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, s, err := h.APIForStatus(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			wanted := ""
			if len(args) > 1 {
				wanted = args[1]
			}
			list, err := publishedPorts(s, wanted)
			if err != nil {
				return err
			}
			if asJSON {
				return format.JSONLines(os.Stdout, format.Rows(list))
			}
			return printPorts(format.Stdout, list, wanted != "")
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one object per line")
	return cmd
}

// completePort completes the names of containers, and then the published ports of the named one.
func completePort(h *hostapi.Host) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return h.CompleteContainers(cmd, args, typed)
		}
		if len(args) > 1 || h.Begin(cmd, nil) != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		_, s, err := h.APIForStatus(cmd.Context(), args[0])
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var words []cobra.Completion
		for _, p := range s.Ports {
			words = append(words, fmt.Sprintf("%d/%s", p.ContainerPort, p.Protocol))
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	}
}

// publishedPorts returns the published ports of a container or, if wanted is not empty, those of the
// wanted port.
func publishedPorts(s *mctr.Status, wanted string) ([]mctr.Port, error) {
	if wanted == "" {
		return s.Ports, nil
	}
	text, protocol, given := strings.Cut(wanted, "/")
	if !given {
		protocol = "tcp"
	}
	number, err := flags.ParsePort(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", mctr.ErrInvalid, err)
	}
	if protocol = strings.ToLower(protocol); !slices.Contains([]string{"tcp", "udp", "sctp"}, protocol) {
		return nil, fmt.Errorf("%w: %q: protocol %q: want tcp, udp or sctp", mctr.ErrInvalid, wanted, protocol)
	}
	var list []mctr.Port
	for _, p := range s.Ports {
		if p.ContainerPort == number && p.Protocol == protocol {
			list = append(list, p)
		}
	}
	if list == nil {
		return nil, fmt.Errorf("%w: port %d/%s of container %s is not published",
			mctr.ErrNotFound, number, protocol, s.ID.Short())
	}
	return list, nil
}

// printPorts prints lines such as "80/tcp -> 0.0.0.0:8080", as docker does. If alone is true, it prints
// only the address on the host.
func printPorts(w io.Writer, list []mctr.Port, alone bool) error {
	for _, p := range list {
		line := p.HostAddress()
		if !alone {
			line = fmt.Sprintf("%d/%s -> %s", p.ContainerPort, p.Protocol, line)
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}
