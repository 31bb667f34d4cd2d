package volumes

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/csi"
)

// The options that more than describe reads.
const (
	optionPlugin   = "plugin"
	optionVolumeID = "volume_id" // set by Create: the id at the plugin
)

// single has what each option with one value sets.
var single = map[string]func(v *csi.Volume, value string) error{
	optionPlugin:  func(v *csi.Volume, value string) error { v.Plugin = value; return nil },
	"id":          func(v *csi.Volume, value string) error { v.ID = value; return nil },
	"access_type": func(v *csi.Volume, value string) error { v.AccessType = value; return nil },
	"access_mode": func(v *csi.Volume, value string) error { v.AccessMode = csi.AccessMode(value); return nil },
	"fs_type":     func(v *csi.Volume, value string) error { v.Filesystem = value; return nil },
	"mount_flags": func(v *csi.Volume, value string) error { v.MountFlags = strings.Split(value, ","); return nil },
	"mount_group": func(v *csi.Volume, value string) error { v.MountGroup = value; return nil },
	"snapshot_id": func(v *csi.Volume, value string) error { source(v).SnapshotID = value; return nil },
	"clone_of":    func(v *csi.Volume, value string) error { source(v).VolumeID = value; return nil },
	"readonly": func(v *csi.Volume, value string) (err error) {
		v.Readonly, err = strconv.ParseBool(value)
		return err
	},
}

func source(v *csi.Volume) *csi.Source {
	if v.Source == nil {
		v.Source = &csi.Source{}
	}
	return v.Source
}

// keyed has what each option PREFIX.KEY sets.
var keyed = map[string]func(v *csi.Volume, key, value string){
	"parameters": func(v *csi.Volume, key, value string) { set(&v.Parameters, key, value) },
	"mutable":    func(v *csi.Volume, key, value string) { set(&v.Mutable, key, value) },
	"context":    func(v *csi.Volume, key, value string) { set(&v.Context, key, value) },
	"secrets":    func(v *csi.Volume, key, value string) { set((*map[string]string)(&v.SecretNames), key, value) },
}

func set(m *map[string]string, key, value string) {
	if *m == nil {
		*m = map[string]string{}
	}
	(*m)[key] = value
}

// describe returns the CSI volume that a named volume asks for. The error wraps mctr.ErrInvalid and names
// the option.
func describe(v mctr.NamedVolume) (*csi.Volume, error) {
	out := &csi.Volume{Name: v.Name, Size: csi.Size{Required: v.Size}}
	for _, option := range slices.Sorted(maps.Keys(v.Options)) {
		value := v.Options[option]
		prefix, key, _ := strings.Cut(option, ".")
		switch {
		case single[option] != nil:
			if err := single[option](out, value); err != nil {
				return nil, fmt.Errorf("%w: option %s: %w", mctr.ErrInvalid, option, err)
			}
		case keyed[prefix] != nil && key != "":
			keyed[prefix](out, key, value)
		default:
			return nil, fmt.Errorf("%w: option %s: the driver csi has no such option (want one of %s)", mctr.ErrInvalid,
				option, optionNames())
		}
	}
	switch {
	case out.Plugin == "":
		return nil, fmt.Errorf("%w: option plugin: want the name of a plugin that mctr csi plugin ls shows",
			mctr.ErrInvalid)
	case v.Inodes != 0:
		return nil, fmt.Errorf("%w: inodes: a volume of driver csi has no such limit", mctr.ErrInvalid)
	case out.ID == "" && len(out.Context) > 0:
		return nil, fmt.Errorf("%w: option context: only a volume with an id has one", mctr.ErrInvalid)
	}
	if err := checkReferences(out.SecretNames); err != nil {
		return nil, err
	}
	return out, out.Validate()
}

func optionNames() string {
	names := slices.Sorted(maps.Keys(single))
	for _, prefix := range slices.Sorted(maps.Keys(keyed)) {
		names = append(names, prefix+".KEY")
	}
	return strings.Join(names, ", ")
}
