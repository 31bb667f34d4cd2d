package mctr

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The restart policies.
const (
	RestartNo            = "no"
	RestartOnFailure     = "on-failure"
	RestartAlways        = "always"
	RestartUnlessStopped = "unless-stopped" // the same as always: a container that was stopped is never restarted
)

// The back-off between an exit and the next start doubles from least to most; after a run as long as
// settled it begins again at least.
const (
	leastBackoff = 100 * time.Millisecond
	mostBackoff  = time.Minute
	settled      = 10 * time.Second
)

// A RestartPolicy says when the process that watches a container restarts it.
type RestartPolicy struct {
	Name string `json:"name,omitempty"` // no (default), on-failure, always, unless-stopped
	Max  int    `json:"max,omitempty"`  // consecutive restarts of on-failure; 0: no bound
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

// Never returns true if the policy restarts nothing.
func (p RestartPolicy) Never() bool { return p.Name == "" || p.Name == RestartNo }

// Next returns whether a container that exited like this is restarted, and after how long. streak is
// the number of consecutive restarts so far, 0 after a long run.
func (p RestartPolicy) Next(t *Termination, streak int) (after time.Duration, again bool) {
	switch t.Reason {
	case ReasonDestroyed, ReasonParentEnded, ReasonTaskFailed, ReasonLaunchFailed:
		return 0, false // the exit was requested
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

// Streak returns the number of consecutive restarts after one more exit.
func (p RestartPolicy) Streak(t *Termination, streak int) int {
	if t.Finished.Sub(t.Started) >= settled {
		return 0
	}
	return streak
}
