package devices_test

import (
	"errors"
	"testing"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/isolators/cgroups/devices"
	"github.com/mctr/mctr/isolators/isolatortest"
)

func config(d ...mctr.Device) mctr.ContainerConfig { return mctr.ContainerConfig{Devices: d} }

func TestConformance(t *testing.T) {
	c := config(mctr.Device{Source: "/dev/null"})
	isolatortest.Run(t, devices.New, &c)
}

func TestPrepare(t *testing.T) {
	const deny = `[{"allow":false,"access":"rwm"},{"allow":true,"type":"c","access":"m"},{"allow":true,"type":"b","access":"m"}`
	for _, c := range []struct {
		name       string
		privileged bool
		devices    []mctr.Device
		want       string
	}{
		{"plain", false, nil, deny + `]`},
		{"a device", false, []mctr.Device{{Source: "/dev/null"}},
			deny + `,{"allow":true,"type":"c","major":1,"minor":3,"access":"rwm"}]`},
		{"read-only", false, []mctr.Device{{Source: "/dev/zero", Permissions: "r"}},
			deny + `,{"allow":true,"type":"c","major":1,"minor":5,"access":"r"}]`},
		{"privileged", true, []mctr.Device{{Source: "/dev/null"}}, `[{"allow":true,"access":"rwm"}]`},
	} {
		config := config(c.devices...)
		config.Security.Privileged = c.privileged
		if got := isolatortest.JSON(t,
			isolatortest.Prepared(t, devices.New(), config).Spec.Linux.Resources.Devices); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, got, c.want)
		}
	}
}

// TestGone checks that the launch fails if a device is removed after Check.
func TestGone(t *testing.T) {
	_, err := devices.New().Prepare(t.Context(),
		isolatortest.NewContainer(t, config(mctr.Device{Source: "/dev/no-such"})))
	if !errors.Is(err, mctr.ErrInvalid) {
		t.Errorf("got %v, want ErrInvalid", err)
	}
}
