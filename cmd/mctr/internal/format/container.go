package format

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"

	"github.com/mctr/mctr"
)

// A ContainerRow has docker's field names.
type ContainerRow struct {
	ID, Image, Command, CreatedAt, RunningFor string
	Status, State, Ports, Names, Labels, Size string
	Mounts, Networks                          string
}

// NewContainerRow describes a container; noTrunc is with its whole id and command.
func NewContainerRow(s *mctr.Status, noTrunc bool) ContainerRow {
	r := ContainerRow{
		ID: s.ID.Short(), Image: s.Config.Image, Command: strconv.Quote(CommandLine(s)), Names: s.Config.Name,
		CreatedAt: s.Created.Local().Format("2006-01-02 15:04:05 -0700 MST"), RunningFor: Ago(s.Created),
		Status: ContainerStatus(s), State: DockerState(s), Networks: Networks(s.Config), Ports: Ports(s),
		Labels: JoinLabels(s.Config.Labels),
	}
	if r.Image == "" {
		r.Image = "<host>"
	}
	if noTrunc {
		r.ID = string(s.ID)
	} else if len(r.Command) > 22 {
		r.Command = r.Command[:20] + "…\""
	}
	for _, m := range s.Config.Mounts {
		r.Mounts = strings.TrimPrefix(r.Mounts+","+m.Source, ",")
	}
	return r
}

// CommandLine is what runs or ran in the container, or is to.
func CommandLine(s *mctr.Status) string {
	if s.Path == "" {
		return strings.Join(s.Config.Process.Args, " ")
	}
	return strings.Join(append([]string{s.Path}, s.Args...), " ")
}

// Networks is what the container was given: the mode, or the networks' names.
func Networks(c *mctr.ContainerConfig) string {
	if len(c.Networks) == 0 {
		return cmp.Or(c.Network, mctr.NetworkNone)
	}
	names := make([]string, len(c.Networks))
	for i, n := range c.Networks {
		names[i] = n.Name
	}
	return strings.Join(names, ",")
}

// Ports are docker's column.
func Ports(s *mctr.Status) string {
	list := make([]string, len(s.Ports))
	for i, p := range s.Ports {
		list[i] = p.String()
	}
	return strings.Join(list, ", ")
}

// JoinLabels lists labels in the order of their keys.
func JoinLabels(labels map[string]string) string {
	var list []string
	for k, v := range labels {
		list = append(list, k+"="+v)
	}
	slices.Sort(list)
	return strings.Join(list, ",")
}

// Ago is how long ago something was, as docker says it.
func Ago(t time.Time) string { return units.HumanDuration(time.Since(t)) + " ago" }

// ContainerStatus is docker's status, and says what docker does not: that an ended
// container still holds something.
func ContainerStatus(s *mctr.Status) string {
	switch s.Phase {
	case mctr.Running:
		return "Up " + units.HumanDuration(time.Since(s.Started)) + condition(s)
	case mctr.Paused:
		return "Up " + units.HumanDuration(time.Since(s.Started)) + " (Paused)"
	case mctr.Exited:
		if s.Restarting {
			return fmt.Sprintf("Restarting (%d) %s", s.Termination.ExitCode, Ago(s.Termination.Finished))
		}
		text := fmt.Sprintf("Exited (%d) %s", s.Termination.ExitCode, Ago(s.Termination.Finished))
		if !s.Cleaned {
			text += ", not cleaned"
		}
		return text
	case mctr.Lost:
		return "Lost: its shim died"
	case mctr.Damaged:
		return "Damaged" // inspect says why, which may be long
	case mctr.Created:
		return "Created"
	}
	return strings.ToUpper(string(s.Phase[:1])) + strings.ToLower(string(s.Phase[1:]))
}

// condition is what probes say, as docker puts it; and what docker has no word for.
func condition(s *mctr.Status) (text string) {
	if h := s.Health; h != nil {
		text = " (" + strings.Replace(h.Status, mctr.HealthStarting, "health: starting", 1) + ")"
	}
	if r := s.Ready; r != nil && r.Status == mctr.Healthy {
		text += " (ready)"
	} else if r != nil {
		text += " (not ready)"
	}
	return text
}

// DockerState is the phase in docker's words.
func DockerState(s *mctr.Status) string {
	if s.Restarting {
		return "restarting"
	}
	switch s.Phase {
	case mctr.Running, mctr.Paused, mctr.Exited:
		return strings.ToLower(string(s.Phase))
	case mctr.Lost, mctr.Damaged:
		return "dead"
	case mctr.Destroying:
		return "removing"
	}
	return "created"
}

// DockerStates are docker's words.
var DockerStates = []string{"created", "running", "paused", "restarting", "removing", "exited", "dead"}
