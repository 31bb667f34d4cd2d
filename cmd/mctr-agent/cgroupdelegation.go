package main

import (
	"fmt"
	"log/slog"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup"
)

// companion is the systemd unit whose control group is only for containers. Containers below the
// control group of the agent's own unit would prevent systemd from restarting the agent: systemd
// starts the process in that group, but the kernel allows no process in a group whose children have
// controllers (cgroups(7), "no internal processes").
const companion = "mctr-containers.service"

func (f *flags) checkGroup() error {
	if err := cgroup.CheckManager(f.CgroupManager); err != nil {
		return err
	}
	if f.CgroupManager == cgroup.Systemd {
		if f.cgroupParent != "" {
			if _, err := cgroup.Slice(f.cgroupParent); err != nil {
				return fmt.Errorf("--cgroup-parent: %w", err)
			}
		}
		return cgroup.CheckSystemd()
	}
	if f.cgroupParent != "auto" {
		if err := cgroup.CheckParent(f.cgroupParent); err != nil {
			return fmt.Errorf("--cgroup-parent: %w", err)
		}
		return nil
	}
	if cgroup.Delegated(companion) != "" {
		return nil
	}
	return &mctr.UnsupportedError{
		Feature: "--cgroup-parent auto",
		Why:     "systemd has not delegated a cgroup v2 control group to this process",
		Remedy:  "run the agent as a service beside " + companion + ", or with Delegate=yes, or name a group",
	}
}

// parentGroup returns the control group that --cgroup-parent selects. If this process is in that group,
// it first moves to a child group.
func (f *flags) parentGroup() (string, error) {
	if f.cgroupParent != "auto" {
		return f.cgroupParent, nil
	}
	group := cgroup.Delegated(companion)
	moved, err := cgroup.Settle(group, "agent")
	if err != nil {
		return "", fmt.Errorf("--cgroup-parent auto: move to %s/agent: %w", group, err)
	}
	if moved {
		slog.New(f.host.Log).Warn("systemd cannot restart this service while its containers are running: install "+
			companion+" beside it, or set DelegateSubgroup=agent in its unit (systemd 254)", "group", group)
	}
	return group, nil
}
