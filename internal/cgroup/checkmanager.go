package cgroup

import (
	"fmt"
	"net"
	"os"

	"github.com/mctr/mctr"
)

// The managers of the control groups above those of containers.
const (
	Cgroupfs = "cgroupfs" // mctr makes the groups
	Systemd  = "systemd"  // systemd makes a scope for each root container, and mctr the groups in it
)

// CheckManager returns an error that wraps mctr.ErrInvalid for a manager other than Cgroupfs and
// Systemd. The name "" stands for the manager that STATE records.
func CheckManager(name string) error {
	switch name {
	case "", Cgroupfs, Systemd:
		return nil
	}
	return fmt.Errorf("%w: host.cgroup_manager %s: want %s or %s", mctr.ErrInvalid, name, Cgroupfs, Systemd)
}

// CheckSystemd returns an error if systemd cannot make control groups on this host
// (mctr.ErrUnsupported) or does not answer (mctr.ErrUnavailable).
func CheckSystemd() error {
	const feature = "host.cgroup_manager systemd"
	const without = "leave host.cgroup_manager out: then mctr makes control groups itself"
	if !Unified() {
		return &mctr.UnsupportedError{Feature: feature, Why: "delegation to root needs a host with only cgroup v2",
			Remedy: "boot with systemd.unified_cgroup_hierarchy=1, or " + without}
	}
	if _, err := os.Lstat("/run/systemd/system"); err != nil { // sd_booted(3)
		return &mctr.UnsupportedError{Feature: feature, Why: "systemd is not this host's process 1", Remedy: without}
	}
	conn, err := net.Dial("unix", "/run/systemd/private") // process 1 itself, which systemctl(1) asks too
	if err != nil {
		return fmt.Errorf("%w: %s: systemd does not answer: %w (see systemctl status, or %s)", mctr.ErrUnavailable,
			feature, err, without)
	}
	return conn.Close()
}
