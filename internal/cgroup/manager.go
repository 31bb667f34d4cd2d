package cgroup

import (
	"fmt"

	"github.com/mctr/mctr"
)

// CheckManager refuses whoever else is to make containers' control groups: "systemd",
// and what nobody knows. "cgroupfs" is mctr itself.
func CheckManager(name string) error {
	switch name {
	case "cgroupfs":
		return nil
	case "systemd":
		return &mctr.UnsupportedError{
			Feature: "--cgroup-manager systemd", Why: "mctr makes control groups itself",
			Remedy: "have systemd delegate one to all of them (mctr-agent --cgroup-parent auto), or run bundles with mctr oci --systemd-cgroup",
		}
	}
	return fmt.Errorf("%w: --cgroup-manager %s: want cgroupfs", mctr.ErrInvalid, name)
}
