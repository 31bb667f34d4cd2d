package container

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr/internal/format"
	"github.com/mctr/mctr/cmd/mctr/internal/hostapi"
)

func explainCommand(h *hostapi.Host) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "explain CONTAINER",
		Short: "Explain why a container exited, and how long each step took",
		Long: `Explain a container: why it exited, or what state it is in, with the evidence; its
processes and limits; and how long each step of its last launch and of its clean-up
took, isolator by isolator.`,
		Example:           "  mctr explain web",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: h.CompleteContainers,
		RunE: func(cmd *cobra.Command, args []string) error {
			_, s, err := h.APIForStatus(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return format.JSON(os.Stdout, s)
			}
			return printStory(format.Stdout, s)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the status of the container as JSON")
	return cmd
}

func printStory(w io.Writer, s *mctr.Status) error {
	fmt.Fprintf(w, "%s\n%s\n", reason(s), evidence(s))
	tabs := tabwriter.NewWriter(w, 0, 8, 3, ' ', 0)
	fmt.Fprintf(tabs, "container\t%s\n", strings.TrimSpace(string(s.ID)+" "+s.Config.Name))
	fmt.Fprintf(tabs, "image\t%s\n",
		cmp.Or(strings.TrimSpace(s.Config.Image+" "+s.ImageID), "none (the filesystem of the host)"))
	fmt.Fprintf(tabs, "command\t%s\n", format.CommandLine(s))
	fmt.Fprintf(tabs, "phase\t%s\n", s.Phase)
	if s.Restarts > 0 {
		fmt.Fprintf(tabs, "restarts\t%d\n", s.Restarts)
	}
	if s.Pid != 0 {
		fmt.Fprintf(tabs, "processes\tinit %d, supervisor %d, control group %s\n", s.Pid, s.ShimPid, s.CgroupPath)
	}
	if h := s.Health; h != nil {
		fmt.Fprintf(tabs, "health\t%s, %d failures in a row\n", h.Status, h.Streak)
	}
	if r := s.Ready; r != nil {
		fmt.Fprintf(tabs, "ready\t%t\n", r.Status == mctr.Healthy)
	}
	for _, warning := range s.Warnings {
		fmt.Fprintf(tabs, "warning\t%s\n", warning)
	}
	fmt.Fprintf(tabs, "log\t%s\n\nSTEP\tBEGAN\tTOOK\n", s.LogDir)
	for _, step := range mctr.Steps(s.Timings) {
		took := "not finished"
		if !step.Ended.IsZero() {
			took = step.Took().Round(time.Microsecond).String()
		}
		fmt.Fprintf(tabs, "%s\t%s\t%s\n", step.Name, step.Began.Local().Format("15:04:05.000000"), took)
	}
	return tabs.Flush()
}

// reason returns one line about why the container is in its state.
func reason(s *mctr.Status) string {
	t := s.Termination
	switch {
	case t != nil && t.Message != "":
		return fmt.Sprintf("%s: %s", t.Reason, t.Message)
	case t != nil:
		return fmt.Sprintf("%s with exit code %d", t.Reason, t.ExitCode)
	case s.Damage != "":
		return fmt.Sprintf("%s: %s", s.Phase, s.Damage)
	case s.Phase == mctr.Created:
		return fmt.Sprintf("%s: it has not been started yet", s.Phase)
	case s.Phase == mctr.Lost:
		return fmt.Sprintf("%s: its supervisor died, and its termination is not recorded yet: "+
			"see mctr reconcile --dry-run", s.Phase)
	case s.Health != nil && s.Health.Status == mctr.Unhealthy:
		return fmt.Sprintf("%s, but %s after %d failures in a row", s.Phase, s.Health.Status, s.Health.Streak)
	case s.Started.IsZero() || s.Phase != mctr.Running:
		return string(s.Phase)
	}
	return fmt.Sprintf("%s since %s", s.Phase, s.Started.Local().Format(time.RFC3339))
}

// evidence returns what is known of the container's exit, one fact per line. It is empty before the
// exit.
func evidence(s *mctr.Status) string {
	t := s.Termination
	if t == nil {
		return ""
	}
	text := fmt.Sprintf("It exited at %s with exit code %d.\n", t.Finished.Local().Format(time.RFC3339), t.ExitCode)
	if !t.Started.IsZero() {
		text += fmt.Sprintf("It ran for %s and printed %d bytes.\n", t.Finished.Sub(t.Started).Round(time.Millisecond),
			t.Log.Bytes)
	}
	if t.Log.Dropped > 0 {
		text += fmt.Sprintf("%d bytes of its output could not be written.\n", t.Log.Dropped)
	}
	if s.StartError != "" {
		text += "Restarting it by its restart policy failed: " + s.StartError + ".\n"
	}
	if !s.Cleaned {
		text += "It is not cleaned up: see mctr reconcile --dry-run.\n"
	}
	return text
}
