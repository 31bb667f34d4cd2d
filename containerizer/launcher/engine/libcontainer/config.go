package libcontainer

import (
	"fmt"

	devices "github.com/opencontainers/cgroups/devices/config"
	"github.com/opencontainers/runc/libcontainer/configs"
	"github.com/opencontainers/runc/libcontainer/specconv"
)

// convertConfig converts config.json to libcontainer's form. It corrects what specconv reads
// differently from the specification. Relative paths start in the working directory, which must be
// the bundle.
func convertConfig(o *specconv.CreateOpts) (*configs.Config, error) {
	config, err := specconv.CreateLibcontainerConfig(o)
	if err != nil {
		return nil, fmt.Errorf("convert config.json: %w", err)
	}
	own := len(config.Devices) // libcontainer's defaults, followed by the spec's
	if o.Spec.Linux != nil {
		own -= len(o.Spec.Linux.Devices)
	}
	wanted := config.Devices[own:]
	for _, d := range wanted {
		// A named pipe needs no numbers (config-linux.md, "Devices"). libcontainer would compare
		// them with those of the new pipe.
		if d.Type == devices.FifoDevice {
			d.Major, d.Minor = 0, 0
		}
	}
	return config, checkDevices(config, wanted)
}
