package main

import (
	"fmt"
	"log/slog"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/internal/cgroup"
)

// companion is the unit whose control group is for containers alone. Those below the
// agent's own would keep systemd from starting it again: it puts a process there,
// and the kernel takes none where groups below have controllers (cgroups(7), "no
// internal processes").
const companion = "mctr-containers.service"

func (f *flags) checkGroup() error {
	if err := cgroup.CheckManager(f.CgroupManager); err != nil {
		return err
	}
	if f.CgroupManager == cgroup.Systemd {
		return f.checkSlice()
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
		Why:     "this process is in no control group of cgroup v2 that systemd has delegated",
		Remedy:  "run it as a service beside " + companion + ", or with Delegate=yes, or name a group",
	}
}

func (f *flags) checkSlice() error {
	if f.cgroupParent != "" {
		if _, err := cgroup.Slice(f.cgroupParent); err != nil {
			return fmt.Errorf("--cgroup-parent: %w", err)
		}
	}
	return cgroup.CheckSystemd()
}

// parentGroup is the control group that --cgroup-parent asks for. A delegated one
// that this process is in has to be left first.
func (f *flags) parentGroup() (string, error) {
	if f.cgroupParent != "auto" {
		return f.cgroupParent, nil
	}
	group := cgroup.Delegated(companion)
	moved, err := cgroup.Settle(group, "agent")
	if err != nil {
		return "", fmt.Errorf("--cgroup-parent auto: move into %s/agent: %w", group, err)
	}
	if moved {
		slog.New(f.host.Log).Warn("systemd cannot start this service again while its containers run: install "+
			companion+" beside it, or set DelegateSubgroup=agent in its unit (systemd 254)", "group", group)
	}
	return group, nil
}
