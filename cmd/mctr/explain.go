package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
)

func (a *app) explainCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "explain CONTAINER",
		Short: "Tell a container's story: what took how long, and why it ended",
		Long: `Tell the story of a container: each step of its last launch with how long it
took, isolator by isolator, what it runs under now, and why it ended, with the
evidence.`,
		Example:           "  mctr explain web",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeContainers,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, id, err := a.reachContainer(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			s, err := c.Status(cmd.Context(), id)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(os.Stdout, s)
			}
			return tellStory(stdout, s)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "the status that this is told from, as JSON")
	return cmd
}

func tellStory(w io.Writer, s *mctr.Status) error {
	tabs := tabwriter.NewWriter(w, 0, 8, 3, ' ', 0)
	fmt.Fprintf(tabs, "container\t%s\n", strings.TrimSpace(string(s.ID)+" "+s.Config.Name))
	fmt.Fprintf(tabs, "image\t%s\n", image(s))
	fmt.Fprintf(tabs, "command\t%s\n", strings.TrimSpace(s.Path+" "+strings.Join(s.Args, " ")))
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
	fmt.Fprintf(tabs, "log\t%s\n\nSTEP\tAT\tTOOK\n", s.LogDir)
	for i, t := range s.Timings {
		took := ""
		if i+1 < len(s.Timings) && t.Checkpoint != "running" {
			took = s.Timings[i+1].At.Sub(t.At).Round(time.Microsecond).String()
		}
		fmt.Fprintf(tabs, "%s\t%s\t%s\n", t.Checkpoint, t.At.Local().Format("15:04:05.000000"), took)
	}
	if err := tabs.Flush(); err != nil {
		return err
	}
	return tellEnd(w, s)
}

func image(s *mctr.Status) string {
	if s.Config.Image == "" {
		return "none: the host's filesystem"
	}
	return strings.TrimSpace(s.Config.Image + " " + s.ImageID)
}

// tellEnd says why, with the evidence.
func tellEnd(w io.Writer, s *mctr.Status) error {
	t := s.Termination
	if t == nil {
		return nil
	}
	text := fmt.Sprintf("\nIt ended at %s with exit code %d: %s", t.Finished.Local().Format(time.RFC3339), t.ExitCode, t.Reason)
	if t.Message != "" {
		text += ", " + t.Message
	}
	if !t.Started.IsZero() {
		text += fmt.Sprintf("\nIt ran for %s and printed %d bytes", t.Finished.Sub(t.Started).Round(time.Millisecond), t.Log.Bytes)
	}
	if t.Log.Dropped > 0 {
		text += fmt.Sprintf(", of which %d could not be written", t.Log.Dropped)
	}
	if s.StartError != "" {
		text += "\nIts restart policy could not start it again: " + s.StartError
	}
	if !s.Cleaned {
		text += "\nIt is not cleaned up: see mctr reconcile --dry-run"
	}
	_, err := fmt.Fprintln(w, text)
	return err
}
