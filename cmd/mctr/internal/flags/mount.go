package flags

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/mctr/mctr"
)

// filesystems sets the mounts of --volume, --mount and --tmpfs.
func (l *Launch) filesystems(c *mctr.ContainerConfig) error {
	add := func(parse func(string) (mctr.Volume, error), items []string) error {
		for _, item := range items {
			m, err := parse(item)
			if err != nil {
				return err
			}
			if !strings.HasPrefix(m.Target, "/") {
				return fmt.Errorf("%w: --volume, --mount or --tmpfs %s: target %q: must be an absolute path",
					mctr.ErrInvalid, item, m.Target)
			}
			c.Volumes = append(c.Volumes, m)
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

// parseVolume reads SOURCE:TARGET[:OPTIONS]. As with docker, a missing source is created.
func parseVolume(s string) (mctr.Volume, error) {
	m := mctr.Volume{Type: "bind", Create: true}
	parts := strings.Split(s, ":")
	if len(parts) < 2 || len(parts) > 3 || parts[0] == "" || parts[1] == "" {
		return m, fmt.Errorf(
			"%w: --volume %s: want SOURCE:TARGET[:ro,...] (a volume without a source needs a volume driver)",
			mctr.ErrInvalid, s)
	}
	if !strings.HasPrefix(parts[0], "/") && !strings.HasPrefix(parts[0], ".") {
		return m, fmt.Errorf("%w: --volume %s: source %q: want a path (named volumes need a volume driver)",
			mctr.ErrInvalid, s, parts[0])
	}
	source, err := filepath.Abs(parts[0])
	if err != nil {
		return m, err
	}
	m.Source, m.Target = source, parts[1]
	if len(parts) == 3 {
		for option := range strings.SplitSeq(parts[2], ",") {
			setOption(&m, option)
		}
	}
	return m, nil
}

func setOption(m *mctr.Volume, option string) {
	switch option {
	case "ro", "readonly":
		m.ReadOnly = true
	case "rw", "z", "Z", "": // z and Z are labels of SELinux, which mctr does not support
	default:
		m.Options = append(m.Options, option)
	}
}

// parseMount reads the comma-separated key=value form of docker.
func parseMount(s string) (mctr.Volume, error) {
	m := mctr.Volume{Type: "bind"}
	fields, err := csv.NewReader(strings.NewReader(s)).Read()
	if err != nil {
		return m, fmt.Errorf("%w: --mount %s: %w", mctr.ErrInvalid, s, err)
	}
	for _, field := range fields {
		key, value, _ := strings.Cut(field, "=")
		if err := setMountField(&m, strings.ToLower(key), value); err != nil {
			return m, fmt.Errorf("%w: --mount %s: %w", mctr.ErrInvalid, s, err)
		}
	}
	if m.Target == "" {
		return m, fmt.Errorf("%w: --mount %s: want a target", mctr.ErrInvalid, s)
	}
	return m, nil
}

func setMountField(m *mctr.Volume, key, value string) error {
	switch key {
	case "type":
		m.Type = value
	case "source", "src":
		m.Source = value
	case "target", "destination", "dst":
		m.Target = value
	case "readonly", "ro":
		only, err := strconv.ParseBool(cmp.Or(value, "true"))
		if err != nil {
			return fmt.Errorf("%s=%s: want true or false", key, value)
		}
		m.ReadOnly = only
	case "bind-propagation":
		m.Options = append(m.Options, value)
	case "tmpfs-size":
		n, err := size("tmpfs-size", value)
		if err != nil {
			return err
		}
		m.Options = append(m.Options, fmt.Sprintf("size=%d", n))
	case "tmpfs-mode":
		m.Options = append(m.Options, "mode="+value)
	default:
		return fmt.Errorf("unknown key %q", key)
	}
	return nil
}

// parseTmpfs reads TARGET[:OPTIONS].
func parseTmpfs(s string) (mctr.Volume, error) {
	target, options, _ := strings.Cut(s, ":")
	m := mctr.Volume{Type: "tmpfs", Target: target}
	if options != "" {
		for option := range strings.SplitSeq(options, ",") {
			setOption(&m, option)
		}
	}
	return m, nil
}
