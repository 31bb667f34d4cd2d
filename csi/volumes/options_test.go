package volumes

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/csi"
)

// TestDescribe reads every option.
func TestDescribe(t *testing.T) {
	got, err := describe(mctr.NamedVolume{Name: "data", Size: 5, Options: map[string]string{
		"plugin": "p", "access_mode": "multi_node_multi_writer", "access_type": "mount", "fs_type": "ext4",
		"mount_flags": "noatime,nodev", "mount_group": "7", "snapshot_id": "s", "readonly": "true",
		"parameters.a.b": "c", "mutable.d": "e", "secrets.NodeStageVolume": "file:/run/secret",
	}})
	want := &csi.Volume{Plugin: "p", Name: "data", AccessMode: csi.MultiNodeMultiWriter, AccessType: csi.Mount,
		Filesystem: "ext4", MountFlags: []string{"noatime", "nodev"}, MountGroup: "7", Readonly: true,
		SecretNames: csi.SecretRefs{"NodeStageVolume": "file:/run/secret"}, Size: csi.Size{Required: 5},
		Parameters: map[string]string{"a.b": "c"}, Mutable: map[string]string{"d": "e"},
		Source: &csi.Source{SnapshotID: "s"}}
	if err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("%v %s", err, cmp.Diff(want, got))
	}
	before, err := describe(mctr.NamedVolume{Name: "data", Options: map[string]string{"plugin": "p", "id": "v1",
		"context.export": "/x"}})
	if err != nil || before.ID != "v1" || before.Context["export"] != "/x" {
		t.Errorf("made before: %+v, %v", before, err)
	}
}

// TestDescribeRefuses names the option that is not valid, and never a secret.
func TestDescribeRefuses(t *testing.T) {
	for want, options := range map[string]map[string]string{
		"option plugin":                  {},
		"option colour":                  {"plugin": "p", "colour": "red"},
		"option volume_id":               {"plugin": "p", "volume_id": "v"},
		"option parameters":              {"plugin": "p", "parameters": "x"},
		"option readonly":                {"plugin": "p", "readonly": "perhaps"},
		"option context":                 {"plugin": "p", "context.a": "b"},
		"option secrets.NodeStageVolume": {"plugin": "p", "secrets.NodeStageVolume": "s3cret"},
		"option secrets.NodeGetInfo":     {"plugin": "p", "secrets.NodeGetInfo": "file:/s3cret"},
		"access_mode":                    {"plugin": "p", "access_mode": "all"},
		"no source":                      {"plugin": "p", "id": "v", "clone_of": "w"},
		"either snapshot_id":             {"plugin": "p", "snapshot_id": "v", "clone_of": "w"},
	} {
		_, err := describe(mctr.NamedVolume{Name: "data", Options: options})
		if !errors.Is(err, mctr.ErrInvalid) || !strings.Contains(err.Error(), want) ||
			strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%v: %v, want %s", options, err, want)
		}
	}
	limited := mctr.NamedVolume{Name: "data", Inodes: 5, Options: map[string]string{"plugin": "p"}}
	if _, err := describe(limited); !errors.Is(err, mctr.ErrInvalid) || !strings.Contains(err.Error(), "inodes") {
		t.Errorf("inodes: %v", err)
	}
}

// FuzzDescribe: what is accepted is a valid volume.
func FuzzDescribe(f *testing.F) {
	f.Add("parameters.a", "b")
	f.Add("access_mode", "single_node_writer")
	f.Fuzz(func(t *testing.T, option, value string) {
		got, err := describe(mctr.NamedVolume{Name: "data", Options: map[string]string{"plugin": "p", option: value}})
		if err == nil && got.Validate() != nil {
			t.Errorf("%q=%q: %v", option, value, got.Validate())
		}
	})
}
