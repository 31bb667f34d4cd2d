package oci

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	lc "github.com/opencontainers/runc/libcontainer"
	"golang.org/x/sys/unix"
)

func (r *runtime) kill(args []string) (int, error) {
	var all bool
	f := newFlags("kill")
	boolVar(f, &all, "all", "a", "every process of the container")
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

// signal reaches init or every process. With all it is no error that none is left.
func signal(c *lc.Container, sig unix.Signal, all bool) error {
	if !all || sig == unix.SIGKILL {
		err := c.Signal(sig)
		if all && errors.Is(err, lc.ErrNotRunning) {
			return nil
		}
		return err
	}
	pids, err := c.Processes()
	if err != nil {
		return err
	}
	for _, pid := range pids {
		if err := unix.Kill(pid, sig); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("signal process %d: %w", pid, err)
		}
	}
	return nil
}

// parseSignal reads a number, or a name with or without SIG.
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
