// Package rlimits is the posix/rlimits isolator: it sets the setrlimit(2) limits of the config. As
// with docker, the container inherits the others.
//
// Launch: Check and Prepare; the engine applies the limits before execve(2). On disk, in the
// kernel: nothing that outlives the container's processes. Recovery: none needed. Mesos:
// isolators/posix/rlimits.cpp, which refuses a soft limit above the hard one only after the fork.
package rlimits

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/kernel"
	"github.com/mctr/mctr/isolators"
)

// New returns the isolator. It is stateless.
func New() isolators.Isolator { return isolator{} }

type isolator struct{ isolators.Base }

func (isolator) Name() string { return "posix/rlimits" }

// Check refuses unknown names, a soft limit above the hard one, and without CAP_SYS_RESOURCE a hard
// limit above this process' own.
func (isolator) Check(_ context.Context, config *mctr.ContainerConfig) error {
	for _, l := range config.Rlimits {
		if err := check(l); err != nil {
			return err
		}
	}
	return nil
}

func check(l mctr.Rlimit) error {
	number, ok := numbers[name(l.Type)]
	if !ok {
		return fmt.Errorf("%w: config.rlimits %s: unknown limit (one of nofile, nproc, core, ...; see getrlimit(2))",
			mctr.ErrInvalid, l.Type)
	}
	soft, hard := value(l.Soft), value(l.Hard)
	if l.Soft < -1 || l.Hard < -1 || soft > hard {
		return fmt.Errorf("%w: config.rlimits %s=%d:%d: the soft limit must not be above the hard one", mctr.ErrInvalid,
			l.Type, l.Soft, l.Hard)
	}
	var own unix.Rlimit
	if err := unix.Getrlimit(number, &own); err != nil {
		return fmt.Errorf("read own limit %s: %w", l.Type, err)
	}
	if hard > own.Max && !kernel.HasCapability(unix.CAP_SYS_RESOURCE) {
		return &mctr.UnsupportedError{
			Feature: fmt.Sprintf("config.rlimits %s=%d:%d", l.Type, l.Soft, l.Hard),
			Why: fmt.Sprintf(
				"it raises the hard limit above %d, which needs CAP_SYS_RESOURCE, and mctr runs without it", own.Max),
			Remedy: "ask for less, or start mctr with a higher limit",
		}
	}
	return nil
}

// Prepare requests the limits. As with docker, the last entry for a limit counts.
func (isolator) Prepare(_ context.Context, c *mctr.Container) (*mctr.Adjustment, error) {
	a := &mctr.Adjustment{Spec: specs.Spec{Process: &specs.Process{}}}
	for i, l := range c.Config.Rlimits {
		if slices.ContainsFunc(c.Config.Rlimits[i+1:], func(later mctr.Rlimit) bool {
			return name(later.Type) == name(l.Type)
		}) {
			continue
		}
		a.Spec.Process.Rlimits = append(a.Spec.Process.Rlimits, specs.POSIXRlimit{
			Type: "RLIMIT_" + name(l.Type), Soft: value(l.Soft), Hard: value(l.Hard),
		})
	}
	return a, nil
}

// name returns the limit's name without a prefix: docker writes nofile, Mesos RLMT_NOFILE, the OCI
// spec RLIMIT_NOFILE.
func name(s string) string {
	return strings.TrimPrefix(strings.TrimPrefix(strings.ToUpper(s), "RLIMIT_"), "RLMT_")
}

func value(n int64) uint64 {
	if n == -1 {
		return math.MaxUint64 // RLIM_INFINITY
	}
	return uint64(n)
}

var numbers = map[string]int{
	"AS": unix.RLIMIT_AS, "CORE": unix.RLIMIT_CORE, "CPU": unix.RLIMIT_CPU, "DATA": unix.RLIMIT_DATA,
	"FSIZE": unix.RLIMIT_FSIZE, "LOCKS": unix.RLIMIT_LOCKS, "MEMLOCK": unix.RLIMIT_MEMLOCK,
	"MSGQUEUE": unix.RLIMIT_MSGQUEUE, "NICE": unix.RLIMIT_NICE, "NOFILE": unix.RLIMIT_NOFILE,
	"NPROC": unix.RLIMIT_NPROC, "RSS": unix.RLIMIT_RSS, "RTPRIO": unix.RLIMIT_RTPRIO,
	"RTTIME": unix.RLIMIT_RTTIME, "SIGPENDING": unix.RLIMIT_SIGPENDING, "STACK": unix.RLIMIT_STACK,
}
