package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent"
)

// psOptions are the flags of ps.
type psOptions struct {
	listFlags
	all, latest, size bool
	last              int
	filters           []string
}

func (a *app) psCommand() *cobra.Command {
	o := &psOptions{}
	cmd := &cobra.Command{
		Use:     "ps [flags]",
		Aliases: []string{"ls", "list"},
		Short:   "List containers",
		Example: "  mctr ps -a\n  mctr ps -aq --filter status=exited\n  mctr ps --format '{{.ID}} {{.Status}}'",
		Args:    cobra.NoArgs, ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.api(cmd.Context())
			if err != nil {
				return err
			}
			return a.ps(cmd.Context(), c, o)
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&o.all, "all", "a", false, "ended ones too")
	o.registerQuiet(f)
	o.register(f, "ids and commands")
	f.BoolVarP(&o.latest, "latest", "l", false, "the newest one, ended or not")
	f.IntVarP(&o.last, "last", "n", -1, "so many newest ones, ended or not")
	f.BoolVarP(&o.size, "size", "s", false, "what each wrote to its filesystem")
	f.StringArrayVarP(&o.filters, "filter", "f", nil,
		"`KEY=VALUE`: id, name, label, status, health, ancestor, exited, before, since, network, volume")
	return cmd
}

// A psRow has docker's field names.
type psRow struct {
	ID, Image, Command, CreatedAt, RunningFor string
	Status, State, Ports, Names, Labels, Size string
	Mounts, Networks                          string
}

func (a *app) ps(ctx context.Context, c agent.Containers, o *psOptions) error {
	list, err := a.statuses(ctx, c)
	if err != nil {
		return err
	}
	if list, err = o.choose(list); err != nil {
		return err
	}
	rows := make([]psRow, len(list))
	for i, s := range list {
		rows[i] = newPsRow(s, o.noTrunc)
		if !o.size {
			continue
		}
		usage, err := c.DiskUsage(ctx, s.ID)
		if err != nil && !errors.Is(err, mctr.ErrNotFound) { // it may go meanwhile
			return err
		}
		rows[i].Size = units.HumanSize(float64(usage.Written))
	}
	columns := []string{"CONTAINER ID={{.ID}}", "IMAGE={{.Image}}", "COMMAND={{.Command}}", "CREATED={{.RunningFor}}",
		"STATUS={{.Status}}", "PORTS={{.Ports}}", "NAMES={{.Names}}"}
	if o.size {
		columns = append(columns, "SIZE={{.Size}}")
	}
	return o.print(anys(rows), columns)
}

func (o *psOptions) choose(list []*mctr.Status) ([]*mctr.Status, error) {
	keep, err := parseFilters(o.filters, slices.Clone(list)) // list is cut down while it asks
	if err != nil {
		return nil, err
	}
	byState := slices.ContainsFunc(o.filters, func(f string) bool {
		return strings.HasPrefix(f, "status=") || strings.HasPrefix(f, "exited=")
	})
	all := o.all || o.latest || o.last >= 0 || byState
	list = slices.DeleteFunc(list, func(s *mctr.Status) bool {
		return !keep(s) ||
			!all && !s.Restarting && s.Phase != mctr.Running && s.Phase != mctr.Paused && s.Phase != mctr.Lost &&
				s.Phase != mctr.Damaged && (s.Phase != mctr.Exited || s.Cleaned)
	})
	if o.latest {
		o.last = 1
	}
	if o.last >= 0 {
		list = list[:min(o.last, len(list))]
	}
	return list, nil
}

// newPsRow describes a container; noTrunc is with its whole id and command.
func newPsRow(s *mctr.Status, noTrunc bool) psRow {
	r := psRow{
		ID: s.ID.Short(), Image: s.Config.Image, Command: strconv.Quote(commandLine(s)), Names: s.Config.Name,
		CreatedAt: s.Created.Local().Format("2006-01-02 15:04:05 -0700 MST"), RunningFor: ago(s.Created),
		Status: describe(s), State: dockerState(s), Networks: network(s.Config), Ports: ports(s),
		Labels: joinLabels(s.Config.Labels),
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

func commandLine(s *mctr.Status) string {
	if s.Path == "" {
		return strings.Join(s.Config.Process.Args, " ")
	}
	return strings.Join(append([]string{s.Path}, s.Args...), " ")
}

// network is what the container was given: the mode, or the networks' names.
func network(c *mctr.ContainerConfig) string {
	if len(c.Networks) == 0 {
		return cmp.Or(c.Network, mctr.NetworkNone)
	}
	names := make([]string, len(c.Networks))
	for i, n := range c.Networks {
		names[i] = n.Name
	}
	return strings.Join(names, ",")
}

// ports are docker's column.
func ports(s *mctr.Status) string {
	list := make([]string, len(s.Ports))
	for i, p := range s.Ports {
		list[i] = p.String()
	}
	return strings.Join(list, ", ")
}

func joinLabels(labels map[string]string) string {
	var list []string
	for k, v := range labels {
		list = append(list, k+"="+v)
	}
	slices.Sort(list)
	return strings.Join(list, ",")
}

func ago(t time.Time) string { return units.HumanDuration(time.Since(t)) + " ago" }

// describe is docker's status, and says what docker does not: that an ended
// container still holds something.
func describe(s *mctr.Status) string {
	switch s.Phase {
	case mctr.Running:
		return "Up " + units.HumanDuration(time.Since(s.Started)) + condition(s)
	case mctr.Paused:
		return "Up " + units.HumanDuration(time.Since(s.Started)) + " (Paused)"
	case mctr.Exited:
		if s.Restarting {
			return fmt.Sprintf("Restarting (%d) %s", s.Termination.ExitCode, ago(s.Termination.Finished))
		}
		text := fmt.Sprintf("Exited (%d) %s", s.Termination.ExitCode, ago(s.Termination.Finished))
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

// dockerState is the phase in docker's words.
func dockerState(s *mctr.Status) string {
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

// dockerStates are docker's words.
var dockerStates = []string{"created", "running", "paused", "restarting", "removing", "exited", "dead"}

func sortByCreation(list []*mctr.Status) {
	slices.SortFunc(list, func(a, b *mctr.Status) int {
		return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(a.ID, b.ID))
	})
}

// parseFilters gives the predicate that is true where all keys are, and for
// each key one of its values is.
func parseFilters(filters []string, all []*mctr.Status) (func(*mctr.Status) bool, error) {
	byKey := map[string][]string{}
	for _, f := range filters {
		key, value, ok := strings.Cut(f, "=")
		if _, known := filterKeys[key]; !ok || !known {
			return nil, fmt.Errorf(
				"%w: --filter %s: unknown (id, name, label, status, ancestor, exited, before, since, network, volume)",
				mctr.ErrInvalid, f)
		}
		if (key == "before" || key == "since") && find(all, value) == nil {
			return nil, fmt.Errorf("%w: --filter %s: no such container", mctr.ErrNotFound, f)
		}
		if key == "status" && !slices.Contains(dockerStates, value) {
			return nil, fmt.Errorf("%w: --filter %s: unknown (%s)", mctr.ErrInvalid, f,
				strings.Join(dockerStates, ", "))
		}
		byKey[key] = append(byKey[key], value)
	}
	return func(s *mctr.Status) bool {
		for key, values := range byKey {
			if !slices.ContainsFunc(values, func(v string) bool { return filterKeys[key](s, v, all) }) {
				return false
			}
		}
		return true
	}, nil
}

var filterKeys = map[string]func(s *mctr.Status, value string, all []*mctr.Status) bool{
	"id":     func(s *mctr.Status, v string, _ []*mctr.Status) bool { return strings.HasPrefix(string(s.ID), v) },
	"name":   func(s *mctr.Status, v string, _ []*mctr.Status) bool { return strings.Contains(s.Config.Name, v) },
	"status": func(s *mctr.Status, v string, _ []*mctr.Status) bool { return dockerState(s) == v },
	"health": func(s *mctr.Status, v string, _ []*mctr.Status) bool {
		return s.Health != nil && s.Health.Status == v || s.Health == nil && v == "none"
	},
	"ancestor": func(s *mctr.Status, v string, _ []*mctr.Status) bool {
		return s.Config.Image == v || strings.Contains(s.ImageID, v)
	},
	"network": func(s *mctr.Status, v string, _ []*mctr.Status) bool {
		return slices.Contains(strings.Split(network(s.Config), ","), v)
	},
	"label": func(s *mctr.Status, v string, _ []*mctr.Status) bool {
		key, value, valued := strings.Cut(v, "=")
		have, ok := s.Config.Labels[key]
		return ok && (!valued || have == value)
	},
	"exited": func(s *mctr.Status, v string, _ []*mctr.Status) bool {
		return s.Termination != nil && strconv.Itoa(s.Termination.ExitCode) == v
	},
	"volume": func(s *mctr.Status, v string, _ []*mctr.Status) bool {
		return slices.ContainsFunc(s.Config.Mounts, func(m mctr.Mount) bool { return m.Source == v || m.Target == v })
	},
	"before": func(s *mctr.Status, v string, all []*mctr.Status) bool { return s.Created.Before(find(all, v).Created) },
	"since":  func(s *mctr.Status, v string, all []*mctr.Status) bool { return s.Created.After(find(all, v).Created) },
}

func find(all []*mctr.Status, ref string) *mctr.Status {
	for _, s := range all {
		if s.Config.Name == ref || strings.HasPrefix(string(s.ID), ref) {
			return s
		}
	}
	return nil
}
