package ociruntime

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/launcher/engine"
)

func (r *runtime) kill(args []string) (int, error) {
	var all bool
	f := newFlags("kill")
	boolVar(f, &all, "all", "a", "signal every process of the container")
	rest, err := parseArguments(f, args, 1, 2)
	if err != nil {
		return 1, err
	}
	sig := unix.SIGTERM
	if len(rest) == 2 {
		if sig, err = parseSignal(rest[1]); err != nil {
			return 1, err
		}
	}
	c, err := r.load(rest[0])
	if err != nil {
		return 1, err
	}
	return 0, signal(c, sig, all)
}

// signal sends sig to init, or with all to every process. Without all it fails if init has exited,
// unless sig is SIGKILL and there are processes that survived init.
func signal(c engine.Container, sig unix.Signal, all bool) error {
	if all {
		return c.Signal(int(sig), sig != unix.SIGKILL)
	}
	s, err := c.State()
	if err != nil {
		return err
	}
	if s.Status == specs.StateStopped {
		if pids, _ := c.Processes(); sig != unix.SIGKILL || len(pids) == 0 {
			return fmt.Errorf("%w: container not running", mctr.ErrState)
		}
	}
	return c.Signal(int(sig), false)
}

// parseSignal parses a number, or a name with or without SIG.
func parseSignal(s string) (unix.Signal, error) {
	if n, err := strconv.Atoi(s); err == nil {
		return unix.Signal(n), nil
	}
	name := strings.ToUpper(s)
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	if sig := unix.SignalNum(name); sig != 0 {
		return sig, nil
	}
	return 0, fmt.Errorf("unknown signal %q", s)
}
