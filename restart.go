package mctr

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// When a container is started again.
const (
	RestartNo            = "no"
	RestartOnFailure     = "on-failure"
	RestartAlways        = "always"
	RestartUnlessStopped = "unless-stopped" // as always here: what was stopped stays so until somebody starts it
)

// The back-off between an end and the next start doubles from least to most; a
// container that ran for settled begins anew.
const (
	leastBackoff = 100 * time.Millisecond
	mostBackoff  = time.Minute
	settled      = 10 * time.Second
)

// A RestartPolicy says when the process that watches a container starts it again.
type RestartPolicy struct {
	Name string `json:"name,omitempty"` // no (default), on-failure, always, unless-stopped
	Max  int    `json:"max,omitempty"`  // restarts in a row of on-failure; 0: no bound
}

// ParseRestartPolicy reads docker's form: NAME, or on-failure:MAX.
func ParseRestartPolicy(s string) (RestartPolicy, error) {
	name, most, bounded := strings.Cut(s, ":")
	p := RestartPolicy{Name: name}
	if !slices.Contains([]string{"", RestartNo, RestartOnFailure, RestartAlways, RestartUnlessStopped}, name) ||
		bounded && name != RestartOnFailure {
		return p, fmt.Errorf("%w: restart policy %q: no, on-failure[:MAX], always or unless-stopped", ErrInvalid, s)
	}
	if !bounded {
		return p, nil
	}
	n, err := strconv.ParseUint(most, 10, 31)
	if err != nil {
		return p, fmt.Errorf("%w: restart policy %q: %q is not a number of restarts", ErrInvalid, s, most)
	}
	p.Max = int(n)
	return p, nil
}

// Never reports whether the policy restarts nothing.
func (p RestartPolicy) Never() bool { return p.Name == "" || p.Name == RestartNo }

// Next reports whether a container that ended like this is started again, and after
// how long. streak is how many restarts there were in a row, 0 after one that ran
// for long.
func (p RestartPolicy) Next(t *Termination, streak int) (after time.Duration, again bool) {
	switch t.Reason {
	case ReasonDestroyed, ReasonParentEnded, ReasonTaskFailed, ReasonLaunchFailed:
		return 0, false // that was meant
	}
	switch p.Name {
	case RestartAlways, RestartUnlessStopped:
	case RestartOnFailure:
		if !t.Failed() || p.Max > 0 && streak >= p.Max {
			return 0, false
		}
	default:
		return 0, false
	}
	return min(leastBackoff<<min(streak, 20), mostBackoff), true
}

// Streak is the number of restarts in a row after one more end.
func (p RestartPolicy) Streak(t *Termination, streak int) int {
	if t.Finished.Sub(t.Started) >= settled {
		return 0
	}
	return streak
}
