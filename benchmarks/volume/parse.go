package volume

import (
	"fmt"
	"strings"

	"github.com/docker/go-units"

	"github.com/mctr/mctr"
)

// Parse reads a volume: NAME=DRIVER[,option=value...]. The option size is the volume's size, such as
// 64m; the others are the driver's. The error wraps mctr.ErrInvalid.
func Parse(text string) (v mctr.NamedVolume, err error) {
	name, rest, _ := strings.Cut(text, "=")
	parts := strings.Split(rest, ",")
	v.Name, v.Driver = name, parts[0]
	if v.Driver == "" {
		return v, fmt.Errorf("%w: volume %q: want NAME=DRIVER[,option=value...]", mctr.ErrInvalid, text)
	}
	if err := mctr.ValidateVolumeName(name); err != nil {
		return v, err
	}
	for _, option := range parts[1:] {
		key, value, ok := strings.Cut(option, "=")
		if !ok || key == "" {
			return v, fmt.Errorf("%w: volume %s: %q: want option=value", mctr.ErrInvalid, name, option)
		}
		if key == "size" {
			if v.Size, err = Size(value); err != nil {
				return v, fmt.Errorf("volume %s: %w", name, err)
			}
			continue
		}
		if v.Options == nil {
			v.Options = map[string]string{}
		}
		v.Options[key] = value
	}
	return v, nil
}

// Size reads a number of bytes, at least 1 MiB, with the units of docker. The error wraps
// mctr.ErrInvalid.
func Size(text string) (int64, error) {
	n, err := units.RAMInBytes(text)
	if err != nil || n < 1<<20 {
		return 0, fmt.Errorf("%w: size %q: want at least 1m, such as 64m or 1g", mctr.ErrInvalid, text)
	}
	return n, nil
}
