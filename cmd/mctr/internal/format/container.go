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

// A ContainerRow is a row in a list of containers, with the field names of docker.
type ContainerRow struct {
	ID, Image, Command, CreatedAt, RunningFor string
	Status, State, Ports, Names, Labels, Size string
	Mounts, Networks                          string
}

// NewContainerRow returns the row of a container. With noTrunc the id and command are not shortened.
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
	for _, m := range s.Config.Volumes {
		r.Mounts = strings.TrimPrefix(r.Mounts+","+m.Source, ",")
	}
	return r
}

// CommandLine returns the command of the container.
func CommandLine(s *mctr.Status) string {
	if s.Path == "" {
		return strings.Join(s.Config.Process.Args, " ")
	}
	return strings.Join(append([]string{s.Path}, s.Args...), " ")
}

// Networks returns the names of the container's networks, or its network mode.
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

// Ports returns the published ports in the form of docker.
func Ports(s *mctr.Status) string {
	list := make([]string, len(s.Ports))
	for i, p := range s.Ports {
		list[i] = p.String()
	}
	return strings.Join(list, ", ")
}

// JoinLabels returns the labels, sorted by key.
func JoinLabels(labels map[string]string) string {
	var list []string
	for k, v := range labels {
		list = append(list, k+"="+v)
	}
	slices.Sort(list)
	return strings.Join(list, ",")
}

// Ago returns the time since t in the form of docker, such as "2 hours ago".
func Ago(t time.Time) string { return units.HumanDuration(time.Since(t)) + " ago" }

// ContainerStatus returns the status in the form of docker. Unlike docker it also tells if an exited
// container is not cleaned up.
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
		return "Damaged" // inspect has the reason, which may be long
	case mctr.Created:
		return "Created"
	}
	return strings.ToUpper(string(s.Phase[:1])) + strings.ToLower(string(s.Phase[1:]))
}

// condition returns the health in the form of docker, and the readiness, which docker does not have.
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

// DockerState returns the state that docker has for the phase.
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

// DockerStates has all states of docker.
var DockerStates = []string{"created", "running", "paused", "restarting", "removing", "exited", "dead"}
