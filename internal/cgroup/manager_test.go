package cgroup

import (
	"errors"
	"strings"
	"testing"

	"github.com/mctr/mctr"
)

func TestCheckManager(t *testing.T) {
	if err := CheckManager("cgroupfs"); err != nil {
		t.Error(err)
	}
	if err := CheckManager("systemd"); !errors.Is(err, mctr.ErrUnsupported) || !strings.Contains(err.Error(), "--cgroup-parent auto") {
		t.Errorf("systemd: %v", err)
	}
	if err := CheckManager("docker"); !errors.Is(err, mctr.ErrInvalid) {
		t.Errorf("docker: %v", err)
	}
}
