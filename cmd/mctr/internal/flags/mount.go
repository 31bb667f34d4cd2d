package flags

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/mctr/mctr"
)

// filesystems sets the volumes of --volume, --mount and --tmpfs.
func (l *Launch) filesystems(c *mctr.ContainerConfig) error {
	c.VolumesFrom = l.volumesFrom
	add := func(parse func(string) (mctr.Volume, error), items []string) error {
		for _, item := range items {
			v, err := parse(item)
			if err != nil {
				return err
			}
			if !strings.HasPrefix(v.Target, "/") {
				return fmt.Errorf("%w: --volume, --mount or --tmpfs %s: target %q: must be an absolute path",
					mctr.ErrInvalid, item, v.Target)
			}
			c.Volumes = append(c.Volumes, v)
		}
		return nil
	}
	if err := add(parseVolume, l.volumes); err != nil {
		return err
	}
	if err := add(parseMount, l.mounts); err != nil {
		return err
	}
	return add(parseTmpfs, l.tmpfs)
}

// parseVolume reads [SOURCE:]TARGET[:OPTIONS] as docker does: a path is created if it is missing, any
// other source names a volume, and without a source the volume is anonymous.
func parseVolume(s string) (mctr.Volume, error) {
	v := mctr.Volume{Type: mctr.VolumeNamed}
	parts := strings.Split(s, ":")
	if len(parts) == 1 {
		parts = []string{"", parts[0]}
	} else if parts[0] == "" {
		parts = nil
	}
	if len(parts) < 2 || len(parts) > 3 || parts[1] == "" {
		return v, fmt.Errorf("%w: --volume %s: want [SOURCE:]TARGET[:ro,...]", mctr.ErrInvalid, s)
	}
	v.Source, v.Target = parts[0], parts[1]
	if strings.HasPrefix(v.Source, "/") || strings.HasPrefix(v.Source, ".") {
		v.Type, v.Create = mctr.VolumeBind, true
	} else if err := mctr.ValidateVolumeName(v.Source); err != nil && v.Source != "" {
		return v, fmt.Errorf("--volume %s: source: %w (or a path that begins with / or .)", s, err)
	}
	if len(parts) == 3 {
		for option := range strings.SplitSeq(parts[2], ",") {
			if option == "nocopy" && v.Type == mctr.VolumeNamed {
				v.NoCopy = true
				continue
			}
			setOption(&v, option)
		}
	}
	return v, absolute(&v)
}

// absolute makes the source of a bind an absolute path.
func absolute(v *mctr.Volume) (err error) {
	if v.Type == mctr.VolumeBind && v.Source != "" {
		v.Source, err = filepath.Abs(v.Source)
	}
	return err
}

func setOption(v *mctr.Volume, option string) {
	switch option {
	case "ro", "readonly":
		v.ReadOnly = true
	case "rw", "z", "Z", "": // z and Z are labels of SELinux, which mctr does not support
	default:
		v.Options = append(v.Options, option)
	}
}

// parseMount reads the comma-separated key=value form of docker. The type is volume by default, and bind
// if the source is an absolute path. An image is read-only by default.
func parseMount(s string) (mctr.Volume, error) {
	v := mctr.Volume{}
	writable := false
	fields, err := csv.NewReader(strings.NewReader(s)).Read()
	if err != nil {
		return v, fmt.Errorf("%w: --mount %s: %w", mctr.ErrInvalid, s, err)
	}
	for _, field := range fields {
		key, value, valued := strings.Cut(field, "=")
		writable = writable || slices.Contains([]string{"rw", "readwrite"}, strings.ToLower(key))
		if err := setMountField(&v, strings.ToLower(key), value, valued); err != nil {
			return v, fmt.Errorf("%w: --mount %s: %w", mctr.ErrInvalid, s, err)
		}
	}
	if v.Target == "" {
		return v, fmt.Errorf("%w: --mount %s: want a target", mctr.ErrInvalid, s)
	}
	if v.Type == "" {
		v.Type = mctr.VolumeNamed
		if filepath.IsAbs(v.Source) {
			v.Type = mctr.VolumeBind
		}
	}
	if v.Type == mctr.VolumeImage && !writable {
		v.ReadOnly = true
	}
	return v, nil
}

func setMountField(v *mctr.Volume, key, value string, valued bool) (err error) {
	boolean := func() bool {
		var b bool
		if b, err = strconv.ParseBool(cmp.Or(value, "true")); err != nil || valued && value == "" {
			err = fmt.Errorf("%s=%s: want true or false", key, value)
		}
		return b
	}
	switch key {
	case "type":
		v.Type = value
	case "source", "src":
		v.Source = value
	case "target", "destination", "dst":
		v.Target = value
	case "readonly", "ro":
		v.ReadOnly = boolean()
	case "bind-propagation":
		v.Options = append(v.Options, value)
	case "bind-nonrecursive":
		if boolean() {
			v.Options = append(v.Options, "bind")
		}
	case "volume-nocopy":
		v.NoCopy = boolean()
	case "rw", "readwrite": // of an image, as with podman
		v.ReadOnly = !boolean()
	case "volume-subpath", "image-subpath", "subpath":
		v.SubPath = value
	case "tmpfs-size":
		var n int64
		n, err = Size("tmpfs-size", value)
		v.Options = append(v.Options, fmt.Sprintf("size=%d", n))
	case "tmpfs-mode":
		v.Options = append(v.Options, "mode="+value)
	case "mode":
		v.Mode = value
	case "uid":
		v.UID, err = number(key, value)
	case "gid":
		v.GID, err = number(key, value)
	default:
		return fmt.Errorf("unknown key %q", key)
	}
	return err
}

// number reads the number of a user or group.
func number(key, value string) (*uint32, error) {
	n, err := strconv.ParseUint(value, 10, 32)
	if err != nil || n == 1<<32-1 { // which chown(2) reads as no change
		return nil, fmt.Errorf("%s=%s: want a number", key, value)
	}
	return new(uint32(n)), nil
}

// parseTmpfs reads TARGET[:OPTIONS].
func parseTmpfs(s string) (mctr.Volume, error) {
	target, options, _ := strings.Cut(s, ":")
	v := mctr.Volume{Type: mctr.VolumeTmpfs, Target: target}
	if options != "" {
		for option := range strings.SplitSeq(options, ",") {
			setOption(&v, option)
		}
	}
	return v, nil
}
