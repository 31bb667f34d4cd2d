package cgroup

import (
	"errors"
	"strings"
	"testing"

	"github.com/mctr/mctr"
)

func TestCheckManager(t *testing.T) {
	for _, known := range []string{"", Cgroupfs, Systemd} {
		if err := CheckManager(known); err != nil {
			t.Error(err)
		}
	}
	if err := CheckManager("docker"); !errors.Is(err, mctr.ErrInvalid) {
		t.Errorf("docker: %v", err)
	}
}

func TestCheckSystemd(t *testing.T) {
	err := CheckSystemd()
	if Unified() && err == nil {
		return // it runs here
	}
	if !errors.Is(err, mctr.ErrUnsupported) && !errors.Is(err, mctr.ErrUnavailable) ||
		!strings.Contains(err.Error(), "leave host.cgroup_manager out") {
		t.Errorf("refused by %v", err)
	}
}
