package mctr_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/mctr/mctr"
)

// TestIsNamed: a secret's source is never taken for the name of a volume, and no other container gets the
// secret by volumes_from.
func TestIsNamed(t *testing.T) {
	for kind, want := range map[string]bool{
		"bind": false, "tmpfs": false, "image": false, "sandbox": false, "parent-sandbox": false, "secret": false,
		"local": true, "volume": true, "csi": true, "cephfs": true,
	} {
		v := mctr.Volume{Type: kind, Source: "x"}
		if v.IsNamed() != want || v.OutlivesRun() != (want || kind == "bind") {
			t.Errorf("%s: named %t, outlives its run %t", kind, v.IsNamed(), v.OutlivesRun())
		}
	}
}

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
