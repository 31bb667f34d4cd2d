package container

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/cmd/mctr/internal/format"
)

// parseFilters returns a predicate. It is true for a container that, for every key in the filters,
// matches one of the values.
func parseFilters(filters []string, all []*mctr.Status) (func(*mctr.Status) bool, error) {
	byKey := map[string][]string{}
	for _, f := range filters {
		key, value, ok := strings.Cut(f, "=")
		if _, known := filterKeys[key]; !ok || !known {
			return nil, fmt.Errorf(
				"%w: --filter %s: want id, name, label, status, health, ancestor, exited, before, since, network or "+
					"volume",
				mctr.ErrInvalid, f)
		}
		if (key == "before" || key == "since") && find(all, value) == nil {
			return nil, fmt.Errorf("%w: --filter %s: no such container", mctr.ErrNotFound, f)
		}
		if key == "status" && !slices.Contains(format.DockerStates, value) {
			return nil, fmt.Errorf("%w: --filter %s: unknown status (want %s)", mctr.ErrInvalid, f,
				strings.Join(format.DockerStates, ", "))
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
	"status": func(s *mctr.Status, v string, _ []*mctr.Status) bool { return format.DockerState(s) == v },
	"health": func(s *mctr.Status, v string, _ []*mctr.Status) bool {
		return s.Health != nil && s.Health.Status == v || s.Health == nil && v == "none"
	},
	"ancestor": func(s *mctr.Status, v string, _ []*mctr.Status) bool {
		return s.Config.Image == v || strings.Contains(s.ImageID, v)
	},
	"network": func(s *mctr.Status, v string, _ []*mctr.Status) bool {
		return slices.Contains(strings.Split(format.Networks(s.Config), ","), v)
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
		return slices.ContainsFunc(s.Config.Volumes, func(m mctr.Volume) bool { return m.Source == v || m.Target == v })
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
