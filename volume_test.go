package mctr_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/mctr/mctr"
)

func TestCheckVolumes(t *testing.T) {
	for _, c := range []struct {
		targets []string
		field   string // in the error; "": the targets are valid
	}{
		{targets: nil},
		{targets: []string{"/x", "/x/y", "relative/to/the/sandbox"}},
		{targets: []string{""}, field: "volumes.target"},
		{targets: []string{"/"}, field: "volumes.target"},
		{targets: []string{"/x/.."}, field: "volumes.target"},
		{targets: []string{"../x"}, field: "volumes.target"},
		{targets: []string{"."}, field: "volumes.target"},
		{targets: []string{"/x", "/y", "/x/"}, field: "config.volumes have the target /x"},
	} {
		var volumes []mctr.Volume
		for _, target := range c.targets {
			volumes = append(volumes, mctr.Volume{Type: mctr.VolumeTmpfs, Target: target})
		}
		err := mctr.CheckVolumes(volumes)
		if (err == nil) != (c.field == "") ||
			err != nil && (!errors.Is(err, mctr.ErrInvalid) || !strings.Contains(err.Error(), c.field)) {
			t.Errorf("%q: %v, want an error with %q", c.targets, err, c.field)
		}
	}
}
